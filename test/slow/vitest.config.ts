import { defineConfig } from 'vitest/config'

// What takes minutes and stays out of `npm test`: npm run test:slow
export default defineConfig({
  test: {
    pool: 'forks',
    include: ['test/slow/**/*.test.ts'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    maxWorkers: 1,
  },
})
