// Only what Biome cannot check: three rules that need types or the whole tree.
import tseslint from 'typescript-eslint'
import { importDirection } from './scripts/lint/import-direction.mjs'

export default [
  { ignores: ['dist*/', 'node_modules/', '.cache/', '**/*.d.ts'] },
  {
    files: ['src/**/*.{ts,js}', 'test/**/*.ts', 'bench/**/*.ts'],
    languageOptions: { parser: tseslint.parser, parserOptions: { projectService: true } },
    plugins: { '@typescript-eslint': tseslint.plugin, anneal: { rules: { 'import-direction': importDirection } } },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      'anneal/import-direction': 'error',
    },
  },
]
