import { defineConfig } from 'vitest/config'

// Real fine-tunes: npm run test:torch. The first run installs torch, about 6 GB, into Anneal's cache; later ones reuse it.
export default defineConfig({
  test: {
    pool: 'forks',
    include: ['test/torch/**/*.test.ts'],
    testTimeout: 600_000,
    hookTimeout: 1_800_000,
    maxWorkers: 1,
  },
})
