// One console action through the Qianfan SDK for Node: `node sdk.mjs <folder of the SDK> <Action> <JSON>`.
import { createRequire } from 'node:module'

const [folder, action, data] = process.argv.slice(2)
const { consoleAction } = createRequire(`${folder}/`)('@baiducloud/qianfan')
const { headers: _, ...reply } = await consoleAction({
  base_api_route: '/v2/finetuning',
  action,
  data: data && JSON.parse(data),
})
console.log(JSON.stringify(reply))
