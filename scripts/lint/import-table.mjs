// Who may import whom under `src/`: the one place. Everything points at `schema/`; only the assembly files, which lie
// directly in `src/`, know everything, and they do nothing but assemble. Tests and benches are free.
//
// Each row: the files it speaks of, what they may import (`values`), what they may import only as types (`types`),
// which guarded packages they may use (`packages`), and why. The first row that matches a file holds.
// `a/` matches a folder, `a/b.ts` a file, `*` one name. A file may always import its own folder and the `ANYONE` files.

/** Files that anyone may import. */
export const ANYONE = ['crash-point.ts']

/** Beginnings of the packages that belong to certain folders; the rest is free. Types of them are free, too. */
export const GUARDED_PACKAGES = ['zod', '@temporalio/', 'node:']

/** Stands for the files of `schema/` that need no zod at run time. */
export const SCHEMA_WITHOUT_ZOD = 'schema/ (files without zod)'

export const IMPORT_TABLE = [
  {
    files: 'schema/',
    packages: ['zod', 'node:'],
    why: 'the vocabulary that everything else is written in depends on nothing',
  },
  {
    files: 'workflows/',
    values: [SCHEMA_WITHOUT_ZOD],
    types: ['schema/', 'activities/'],
    packages: ['@temporalio/workflow', '@temporalio/common'],
    why: 'a workflow runs in a sandbox and is replayed: no parsing, no input or output, activities only by their types',
  },
  {
    files: 'activities/',
    values: ['schema/', 'providers/', 'store/', 'temporal/'],
    packages: ['zod', '@temporalio/', 'node:'],
    why: 'an activity is one step of the life, made of the store and the providers',
  },
  {
    files: 'providers/local/',
    values: ['schema/', 'providers/provider.ts', 'runner/'],
    packages: ['zod', 'node:'],
    why: 'the local provider hands attempts to the host agent and knows nothing of Temporal',
  },
  {
    files: 'providers/',
    values: ['schema/', 'vendors/*/provider.ts'],
    packages: ['zod', 'node:'],
    why: 'the registry names the providers; none of them knows Temporal or the store',
  },
  {
    files: 'vendors/*/facade.ts',
    values: ['schema/', 'gateway/facade.ts', 'providers/provider.ts', 'store/', 'temporal/'],
    types: ['workflows/'],
    packages: ['zod', 'node:'],
    why: "a vendor's API served by us may use what our own API uses",
  },
  {
    files: 'vendors/*/facade/',
    values: ['schema/', 'gateway/facade.ts', 'providers/provider.ts', 'store/', 'temporal/', 'vendors/'],
    packages: ['zod', 'node:'],
    why: 'the parts of a facade that one file does not hold',
  },
  {
    files: 'gateway/registry.ts',
    values: ['gateway/', 'vendors/*/facade.ts'],
    why: 'the one list of the vendors that are served',
  },
  {
    files: 'gateway/',
    values: ['schema/', 'store/'],
    packages: ['zod', 'node:'],
    why: 'the port that the facades share; it knows no vendor',
  },
  {
    files: 'vendors/',
    values: ['schema/', 'providers/provider.ts'],
    packages: ['zod', 'node:'],
    why: 'a vendor is one folder that knows the provider interface and no other vendor',
  },
  {
    files: 'runner/',
    values: ['schema/'],
    packages: ['zod', 'node:'],
    why: 'the host agent runs on machines that have neither the store nor Temporal',
  },
  {
    files: 'store/',
    values: ['schema/'],
    packages: ['zod', 'node:'],
    why: 'the record knows the vocabulary and nobody who writes into it',
  },
  {
    files: 'api/',
    values: ['schema/', 'store/', 'temporal/', 'providers/'],
    types: ['workflows/'],
    packages: ['zod', 'node:'],
    why: 'the API commits to the store and nudges; it runs no workflow code and reaches Temporal through temporal/',
  },
  {
    files: 'client/',
    values: ['schema/'],
    packages: ['zod', 'node:'],
    why: 'the client is used by other programs and must stay small',
  },
  {
    files: 'cli/',
    values: ['schema/', 'client/', '*.ts'],
    packages: ['zod', 'node:'],
    why: 'commands have no rules of their own: they call the API, or start an assembly file',
  },
  {
    files: 'web/',
    values: ['schema/', 'client/'],
    packages: ['zod', 'node:'],
    why: 'pages have no rules of their own: they call the API',
  },
  {
    files: 'temporal/',
    values: ['schema/'],
    types: ['store/', 'activities/'],
    packages: ['zod', '@temporalio/', 'node:'],
    why: 'connection, failure translation and options, used by the assembly, the API and the activities',
  },
  {
    files: '*.ts',
    values: ['*/'],
    packages: ['zod', '@temporalio/', 'node:'],
    why: 'assembly: config, server, worker',
  },
]
