// A report to look at, with each verdict in it: `sts-lab judge` against a relay that ignores what domains publish, with
// the verdicts that it does not earn put into the state of an earlier run. Never leaves a process behind.
import { spawn, execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { createInterface } from 'node:readline'
import { join } from 'node:path'

async function freePort(address) {
  const server = createServer().listen(0, address)
  await once(server, 'listening')
  const { port } = server.address()
  server.close()
  return port
}

/** Starts a program; resolves when it says the word. */
async function started(program, args, directory, word) {
  const child = spawn(program, args, { cwd: directory, stdio: ['ignore', 'pipe', 'pipe'] })
  const said = []
  await new Promise((resolve, reject) => {
    for (const stream of [child.stdout, child.stderr])
      createInterface({ input: stream }).on('line', (line) => {
        said.push(line)
        if (line.includes(word)) resolve()
      })
    child.on('exit', () => reject(new Error(`${program} ended: ${said.join('\n')}`)))
  })
  return { end: () => (child.kill('SIGTERM'), once(child, 'exit')) }
}

/** Writes report.html below the directory, and returns its path. */
export async function aReport(binaries, directory) {
  const [dns, smtp, https, relay] = await Promise.all(['127.77.0.1', '127.77.1.1', '127.77.0.2', '127.0.0.1'].map(freePort))
  const file = (name) => join(directory, name)
  writeFileSync(file('lab.toml'), `dns_address = "127.77.0.1"\npolicy_address = "127.77.0.2"\nmx_address = "127.77.1.1"
dns_port = ${dns}\nsmtp_port = ${smtp}\nhttps_port = ${https}\n`)
  const lab = join(binaries, 'sts-lab')
  const settings = execFileSync(lab, ['guide', 'sts-relay', '--config', 'lab.toml'], { cwd: directory, encoding: 'utf8' })
  writeFileSync(file('relay.toml'), settings.replace(/127\.0\.0\.1:2500"/, `127.0.0.1:${relay}"`).replace('dnssec = "on"', 'dnssec = "off"') +
    '\n[[destination]]\ndomain = "*"\nexempt = true\nreason = "careless"\n')
  const judged = {
    'healthy-no-policy': { verdict: 'refused to deliver', seen: 'deferred: 451 4.3.0 <later> & "so on"' },
    'mx-removed': { verdict: 'not reached', seen: 'the sender never asked for the domain: 250 2.0.0 queued' },
    'dane-healthy': { verdict: 'refused to deliver', seen: 'refused: 550 5.7.1 no' },
    'past-cohosted': { verdict: 'lost', seen: `returned to its sender: 550 ${'averylongword'.repeat(30)}` },
  }
  writeFileSync(file('state.json'), JSON.stringify({ zone: 'judge.test', met: [], judged }))

  await (await started(lab, ['serve', '--config', 'lab.toml'], directory, 'ready:')).end() // it writes the authority
  const root = process.getuid() === 0 ? ['--allow-root'] : []
  const sender = await started(join(binaries, 'sts-relay'), ['serve', ...root, '--config', 'relay.toml'], directory, 'event=ready')
  try {
    const judge = spawn(lab, ['judge', '--config', 'lab.toml', '--smtp', `127.0.0.1:${relay}`, '--wait', '30s', '--state', 'state.json',
      '--html', 'report.html'], { cwd: directory, stdio: ['ignore', 'ignore', 'inherit'] })
    await once(judge, 'exit') // status 1: it leaks
  } finally {
    await sender.end()
  }
  return file('report.html')
}
