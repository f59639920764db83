// The report for people, as people see it: in Debian's chromium without script and network, on a phone and in print.
//   html_test.mjs BINARIES MODULES [PICTURES]   folders: of sts-lab and sts-relay, of node_modules, for screenshots; see run
// Ends with status 1 where anything is wrong with the page. Never keeps a picture unless told where.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { aReport } from './a_report.mjs'
import { contentFaults, contrastFaults, hidden, layoutFaults } from './on_the_page.mjs'

const [binaries, modules, pictures] = process.argv.slice(2).map((path) => resolve(path))
const { chromium } = createRequire(join(modules, 'here.js'))('playwright-core')
const shown = ['starttls-stripped', 'mx-forged', 'healthy', 'past-cohosted', 'past-disarmed-expired', 'policy-redirected', 'smuggle-lf-dot-lf']
const patience = 240000 // of a machine that does other things besides
const directory = mkdtempSync(join(tmpdir(), 'sts-html-'))
let browser

/** The page in a window of its own, and what it asked for and complained of. */
async function opened(file, options) {
  const context = await browser.newContext({ javaScriptEnabled: false, offline: true, ...options })
  context.setDefaultTimeout(patience)
  const page = await context.newPage()
  const requests = []
  const complaints = []
  page.on('request', (request) => requests.push(request.url()))
  page.on('console', (message) => complaints.push(message.text()))
  page.on('pageerror', (error) => complaints.push(String(error)))
  const url = pathToFileURL(file).href
  await page.goto(url)
  assert.deepEqual(requests, [url], 'the page asks for nothing but itself')
  assert.deepEqual(complaints, [], 'the browser has no complaint')
  assert.equal(await page.locator('script, link, img, iframe, object, [onclick], [onload]').count(), 0, 'nothing but text and style')
  return page
}

try {
  const file = await aReport(binaries, directory)
  // The wrapper's sandbox wants rights that root and containers do not have; the page is our own.
  browser = await chromium.launch({ executablePath: '/usr/bin/chromium', timeout: patience, args: ['--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu'] })

  // Wide or narrow, the colours are the same: the dark ones are looked at once.
  for (const [name, viewport, colorScheme] of [
    ['phone', { width: 360, height: 780 }, 'light'],
    ['phone', { width: 360, height: 780 }, 'dark'],
    ['small', { width: 320, height: 600 }, 'light'],
    ['desktop', { width: 1280, height: 900 }, 'light'],
  ]) {
    const page = await opened(file, { viewport, colorScheme, deviceScaleFactor: pictures ? 2 : 1 })
    const where = `${name}, ${colorScheme}`
    if (pictures) await page.screenshot({ path: join(pictures, `${name}-${colorScheme}.png`) })
    assert.deepEqual(await page.evaluate(layoutFaults), [], where)
    if (name === 'phone') assert.deepEqual(await page.evaluate(contrastFaults), [], where)
    if (name === 'desktop') assert.deepEqual(await page.evaluate(contentFaults), [], where)
    // Each transcript opens without script.
    const transcript = page.locator('#healthy pre')
    assert.ok(!(await transcript.isVisible()), 'what held is brief')
    await page.locator('#healthy summary').click()
    assert.ok(await transcript.isVisible(), 'a transcript that opens')
    for (const article of pictures ? shown : [])
      await page.locator(`#${article}`).screenshot({ path: join(pictures, `${name}-${colorScheme}-${article}.png`) })
    await page.context().close()
  }

  const page = await opened(file, { viewport: { width: 794, height: 1123 }, colorScheme: 'dark' })
  await page.emulateMedia({ media: 'print' })
  assert.deepEqual(await page.evaluate(hidden), [], 'in print')
  assert.deepEqual(await page.evaluate(contrastFaults), [], 'in print')
  const pdf = join(pictures ?? directory, 'report.pdf')
  await page.pdf({ path: pdf, format: 'A4', margin: { top: '15mm', bottom: '15mm', left: '15mm', right: '15mm' } })
  const text = execFileSync('pdftotext', ['-layout', pdf, '-'], { encoding: 'utf8', maxBuffer: 1 << 28 })
  const transcripts = await page.locator('details pre').count()
  const greetings = (await page.locator('details pre').allTextContents()).join('\n').match(/C: EHLO/g).length
  assert.ok(transcripts > 50)
  const verdicts = new Set(await page.locator('article p .verdict').allTextContents())
  assert.deepEqual([...verdicts].sort(), ['held', 'leaked', 'lost', 'not reached', 'refused to deliver'], 'a report with each verdict')
  assert.equal(text.match(/C: EHLO/g)?.length, greetings, 'each transcript is printed whole')
  // What belongs together stays on a sheet: a title is never the last of its page.
  const titles = new Set(await page.locator('h2, h3').allTextContents())
  for (const sheet of text.split('\f')) {
    const lines = sheet.split('\n').map((line) => line.trim()).filter((line) => line !== '')
    assert.ok(!titles.has(lines.at(-1)), `a title at the foot of a page: ${lines.at(-1)}`)
    const drawings = lines.filter((line) => line === 'Who sits where').length
    assert.equal(lines.filter((line) => line.startsWith('Good is:')).length, drawings, 'the drawing is on the page of what it draws')
    assert.equal(lines.filter((line) => line === 'The sender under test').length, drawings + (sheet.includes('How to read') ? 1 : 0), 'a drawing is whole')
  }
  if (pictures) writeFileSync(join(pictures, 'report.txt'), text)
  console.log(`the report is well: ${titles.size} titles, ${transcripts} transcripts, ${text.split('\f').length - 1} printed pages`)
} finally {
  await browser?.close()
  rmSync(directory, { recursive: true, force: true })
}
