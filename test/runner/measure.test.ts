import { writeFileSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { it } from 'vitest'
import { readFileSync } from 'node:fs'
import { AgentProcess, compileAgent } from './agent-process.js'
import { assignment, ended, LEVELS, lives, newHome, newServer, started, until } from './host-under-test.js'
compileAgent()
const q=(a:number[],p:number)=>[...a].sort((x,y)=>x-y)[Math.min(a.length-1,Math.floor(a.length*p))]!.toFixed(1)
const wall=()=>performance.timeOrigin+performance.now()
it.each(LEVELS)('measures %s', async (containment) => {
  const server = await newServer(); const home = newHome()
  await AgentProcess.start(server, home, { containment })
  await until('hello', () => server.hellos.length)
  const spawn:number[]=[],fact:number[]=[],exit:number[]=[],gone:number[]=[],both:number[]=[],stopfact:number[]=[]
  for (let i=0;i<40;i++) {
    const job = assignment(`date +%s%N > $ANNEAL_OUTPUT_DIR/s; sleep 0.15; date +%s%N > $ANNEAL_OUTPUT_DIR/e`)
    const t=wall(); server.want(job)
    await ended(server, job)
    const o=join(home,'runs',job.jobId,'1','output')
    spawn.push(Number(readFileSync(join(o,'s'),'utf8'))/1e6-t)
    const arr=(type:string)=>server.arrivals.find(a=>a.fact.jobId===job.jobId&&a.fact.body.type===type)!
    fact.push(performance.timeOrigin+arr('started').at-t)
    exit.push(performance.timeOrigin+arr('exited').at-Number(readFileSync(join(o,'e'),'utf8'))/1e6)
    both.push(arr('exited').message===arr('empty').message?1:0)
  }
  for (let i=0;i<30;i++) {
    const job = assignment(['sleep','1000'])
    server.want(job); const {pid}=await started(server,job)
    await until('exec', ()=>readFileSync(`/proc/${pid}/cmdline`,'utf8').startsWith('sleep'))
    await new Promise(r=>setTimeout(r,20))
    const t=performance.now(); server.stop(job)
    let g=0
    while(!g){ try{ process.kill(pid,0); const s=readFileSync(`/proc/${pid}/stat`,'utf8'); if(/\) Z/.test(s)) g=performance.now() }catch{ g=performance.now() } ; await new Promise(r=>setImmediate(r)) }
    gone.push(g-t)
    await ended(server,job)
    stopfact.push(server.arrivals.find(a=>a.fact.jobId===job.jobId&&a.fact.body.type==='empty')!.at-t)
  }
  let t=performance.now(); const n=60; const jobs=[]; for(let i=0;i<n;i++){const j=assignment('true'); jobs.push(j); }
  let next=0, live=0; const run=async()=>{ while(next<n){const j=jobs[next++]!; server.want(j); await ended(server,j)} }
  await Promise.all([run(),run()])
  const rate=n/((performance.now()-t)/1000)
  console.log(containment,'want->first instruction p50/p95',q(spawn,.5),q(spawn,.95),'| want->started fact',q(fact,.5),q(fact,.95),'| exit->fact',q(exit,.5),q(exit,.95),'one message',both.reduce((a,b)=>a+b),'/40 | stop->gone',q(gone,.5),q(gone,.95),'| stop->empty fact',q(stopfact,.5),q(stopfact,.95),'| true/s on 2:',rate.toFixed(1))
}, 120000)
