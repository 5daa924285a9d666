import { writeFileSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Lets a training that waits (trainer_type dpo) go on. */
export function letGo(folder: string): void {
  writeFileSync(join(folder, 'train.jsonl.go'), '')
}

/** A folder with a data set, and the file `vendors/facet.yaml` that serves it and submits to the gateway at that address. */
export async function served(): Promise<{ folder: string; yamlFor(gatewayUrl: string): string }> {
  const folder = await mkdtemp(join(tmpdir(), 'anneal-facet-data-'))
  writeFileSync(join(folder, 'train.jsonl'), '{"messages": []}\n')
  const config = {
    gateway: {
      datasets: { '<string>': { splits: { train: join(folder, 'train.jsonl') } } },
      commands: {
        default: [
          'echo "training $FACET_JOB_ID with $(wc -l < "$FACET_TRAIN_FILE") rows"',
          'mkdir "$ANNEAL_OUTPUT_DIR/adapter" && echo weights > "$ANNEAL_OUTPUT_DIR/adapter/weights"',
          'printf %s "$FACET_REQUEST" > "$ANNEAL_OUTPUT_DIR/request.json"',
          'printf %s \'{"adapter_path": "adapter", "metrics": {"eval_loss": 0.25}}\' > "$ANNEAL_OUTPUT_DIR/facet.json"',
        ].join('\n'),
        dpo: 'while [ ! -e "$FACET_TRAIN_FILE.go" ]; do sleep 0.05; done',
        orpo: 'printf %s \'{"error": "ValueError: no such column"}\' > "$ANNEAL_OUTPUT_DIR/facet.json"; exit 3',
      },
    },
  }
  const yamlFor = (url: string) => JSON.stringify({ ...config, accounts: { default: { url, pollEvery: '100ms' } } })
  return { folder, yamlFor } // JSON is YAML
}
