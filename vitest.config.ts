import { defineConfig } from 'vitest/config'

// `forks`: the native core of Temporal's SDK crashes under worker threads. Three workers: many tests wait for a lease or a limit, and the suite starts real servers.
export default defineConfig({
  test: {
    pool: 'forks',
    include: ['test/**/*.test.ts'],
    exclude: ['test/slow/**', 'test/torch/**', '**/node_modules/**'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    maxWorkers: 3,
  },
})
