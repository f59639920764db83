// What is wrong with the page that a browser shows, as sentences. Runs inside the page, so each function stands alone.

/** Elements that reach out of the window, or text that is too small to read. */
export function layoutFaults() {
  const faults = []
  const root = document.documentElement
  if (root.scrollWidth > root.clientWidth) faults.push(`the page is ${root.scrollWidth} wide, the window ${root.clientWidth}`)
  for (const element of document.body.querySelectorAll('*')) {
    const box = element.getBoundingClientRect()
    if (box.right > root.clientWidth + 0.5 || box.left < -0.5)
      faults.push(`${element.tagName} reaches from ${box.left} to ${box.right}: ${element.textContent.slice(0, 60)}`)
    if (element.scrollWidth > element.clientWidth + 1 && element.clientWidth > 0 && getComputedStyle(element).display !== 'inline')
      faults.push(`${element.tagName} is overfull: ${element.textContent.slice(0, 60)}`)
    const speaks = [...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.data.trim() !== '')
    if (!speaks) continue
    // Text inside a drawing shrinks with it.
    const drawing = element.closest('svg')
    const scale = drawing ? drawing.getBoundingClientRect().width / (drawing.viewBox.baseVal.width || 1) : 1
    const size = parseFloat(getComputedStyle(element).fontSize) * scale
    if (size < 12) faults.push(`text of ${size} px: ${element.textContent.slice(0, 60)}`)
  }
  return faults
}

/** Text whose contrast with what is behind it is below 4.5 (WCAG 2.1 §1.4.3), lines of drawings and boxes below 3 (§1.4.11). */
export function contrastFaults() {
  const channels = (colour) => colour.match(/[\d.]+/g).map(Number)
  const light = (colour) => {
    const [r, g, b] = channels(colour).map((value) => value / 255).map((value) => (value <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4))
    return 0.2126 * r + 0.7152 * g + 0.0722 * b
  }
  const contrast = (a, b) => (Math.max(light(a), light(b)) + 0.05) / (Math.min(light(a), light(b)) + 0.05)
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = getComputedStyle(at).backgroundColor
      if ((channels(colour)[3] ?? 1) > 0) return colour
    }
    return 'rgb(255, 255, 255)'
  }
  const faults = new Set()
  for (const element of document.body.querySelectorAll('*')) {
    const style = getComputedStyle(element)
    const background = behind(element)
    const speaks = [...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.data.trim() !== '')
    if (speaks && contrast(style.color, background) < 4.5) faults.add(`text ${style.color} on ${background}`)
    if (element.matches('svg') && contrast(style.color, background) < 3) faults.add(`arrow ${style.color} on ${background}`)
    if (element.matches('.place, article') && contrast(style.borderLeftColor, background) < 3) faults.add(`box ${style.borderLeftColor} on ${background}`)
  }
  return [...faults]
}

/** What a report must say of each attack. */
export function contentFaults() {
  const faults = []
  for (const article of document.querySelectorAll('article')) {
    const says = (what, holds) => holds || faults.push(`${article.id}: ${what}`)
    const visible = (element) => element !== null && element.getBoundingClientRect().height > 0
    says('no verdict', /^(held|leaked|lost|refused to deliver|not reached)$/.test(article.querySelector('.verdict')?.textContent))
    says('no rule with a section of an RFC', /RFC \d+ §\d/.test(article.querySelector('.rule')?.textContent))
    const map = article.querySelector('figure.map')
    says('no drawing', visible(map))
    says('no sender in the drawing', visible(map?.querySelector('.sender')))
    says('no place in the drawing', map?.querySelectorAll('.ways .place').length > 0)
    says('an arrow is missing', map?.querySelectorAll('.ways svg').length === map?.querySelectorAll('.ways .place').length)
    const attacked = article.textContent.includes('Attack.')
    says('where is the attacker?', attacked === (map?.querySelector('.chip') !== null))
    const went = article.querySelector('.verdict').textContent === 'leaked' && article.querySelector('p .verdict').parentElement.textContent.includes(' got ')
    says('the leak is not drawn', !went || map?.querySelector('.ways .bad.way')?.textContent.startsWith('Got'))
    says('no transcript', article.querySelector('details pre, article > p.dim') !== null)
    says('no link to it', document.querySelector(`a[href="#${article.id}"]`) !== null)
  }
  return faults
}

/** What is hidden. */
export function hidden() {
  const faults = []
  for (const text of document.querySelectorAll('pre, p, h1, h2, h3, td, li, .place, svg'))
    if (text.getBoundingClientRect().height === 0 || !text.checkVisibility({ visibilityProperty: true })) faults.push(`${text.tagName} is hidden: ${text.textContent.slice(0, 60)}`)
  return faults
}
