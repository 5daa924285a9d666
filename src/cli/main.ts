import { FAILURES } from '../schema/failure.js'
import { EXIT } from './exit-code.js'

const args = process.argv.slice(2)

/** Runs the command that the arguments name and sets the exit code. */
async function main(): Promise<void> {
  if (args[0] === '--version' || args[0] === '-V') {
    const { VERSION } = await import('../version.js')
    process.stdout.write(`${VERSION}\n`)
    return
  }
  const { createProgram, isService } = await import('./program.js')
  watchReaders(isService(args))
  const program = await createProgram(args)
  if (args.length === 0) program.help({ error: true })
  await program.parseAsync(args, { from: 'user' })
}

/** Whoever read what we write may be gone: a command ends then, quietly, and a service goes on. */
function watchReaders(isService: boolean): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (!isService) process.exit(error.code === 'EPIPE' ? EXIT.brokenPipe : FAILURES.disk_full.exitCode)
    })
  }
}

try {
  await main()
} catch (error) {
  const { reportThrown } = await import('./report-thrown.js')
  process.exitCode = reportThrown(error, args)
  const { isService } = await import('./program.js')
  if (isService(args)) process.exit() // a service that failed half way may hold a library that holds the process
}
