// Writes ../data/*.txt from the npm packages cldr-core, cldr-numbers-full, cldr-dates-full,
// cldr-localenames-full and cldr-misc-full (Unicode licence). Run it with the folder that holds node_modules:
//
//	npm install cldr-core@48.2 cldr-numbers-full@48.2 cldr-dates-full@48.2 cldr-localenames-full@48.2 cldr-misc-full@48.2
//	node gen/gen.mjs <folder>
//
// One file per locale: lines of key, tab, value. A file that opens with "base" holds only what differs from
// that locale.
import {createRequire} from 'node:module'
import {readdirSync, rmSync, writeFileSync} from 'node:fs'
import {resolve, dirname} from 'node:path'
import {fileURLToPath} from 'node:url'

const require = createRequire(resolve(process.argv[2] || '.', 'x.js'))
const out = resolve(dirname(fileURLToPath(import.meta.url)), '../data')
try {
  require.resolve('cldr-core/package.json')
} catch {
  console.error('the npm packages are not installed; the tables stay as they are')
  process.exit(0)
}

// Our tag, its CLDR locale, and the locale whose file it builds on.
const locales = [
  ['en-US', 'en'], ['en-GB', 'en-GB', 'en-US'], ['en-AU', 'en-AU', 'en-US'], ['en-CA', 'en-CA', 'en-US'], ['en-IE', 'en-IE', 'en-US'],
  ['en-IN', 'en-IN', 'en-US'], ['en-MY', 'en-MY', 'en-US'], ['en-NZ', 'en-NZ', 'en-US'], ['en-SG', 'en-SG', 'en-US'], ['en-AE', 'en-AE', 'en-US'],
  ['de-DE', 'de'], ['de-AT', 'de-AT', 'de-DE'], ['de-CH', 'de-CH', 'de-DE'],
  ['id-ID', 'id'], ['ms-MY', 'ms'], ['ms-SG', 'ms-SG', 'ms-MY'],
  ['ar', 'ar'], ['ar-AE', 'ar-AE', 'ar'], ['ar-EG', 'ar-EG', 'ar'], ['ar-SA', 'ar-SA', 'ar'],
  ['fr-FR', 'fr'], ['fr-BE', 'fr-BE', 'fr-FR'], ['fr-CH', 'fr-CH', 'fr-FR'], ['fr-CA', 'fr-CA', 'fr-FR'],
  ['es-ES', 'es'], ['es-MX', 'es-MX', 'es-ES'], ['es-US', 'es-US', 'es-ES'],
  ['it-IT', 'it'], ['nl-NL', 'nl'], ['nl-BE', 'nl-BE', 'nl-NL'], ['pl-PL', 'pl'],
  ['pt-BR', 'pt'], ['pt-PT', 'pt-PT', 'pt-BR'], ['sv-SE', 'sv'], ['da-DK', 'da'], ['nb-NO', 'nb'], ['fi-FI', 'fi'],
  ['cs-CZ', 'cs'], ['hu-HU', 'hu'], ['ro-RO', 'ro'], ['el-GR', 'el'], ['tr-TR', 'tr'],
  ['zh-CN', 'zh'], ['zh-TW', 'zh-Hant'], ['zh-HK', 'zh-Hant-HK', 'zh-TW'], ['ja-JP', 'ja'], ['ko-KR', 'ko'],
  ['th-TH', 'th'], ['vi-VN', 'vi'], ['he-IL', 'he'], ['hi-IN', 'hi'],
]

const supplemental = name => require(`cldr-core/supplemental/${name}.json`).supplemental
const numbering = supplemental('numberingSystems').numberingSystems
const plurals = supplemental('plurals')['plurals-type-cardinal']
const fractions = supplemental('currencyData').currencyData.fractions
const inUse = new Set(Object.values(supplemental('currencyData').currencyData.region)
  .flat().flatMap(o => Object.entries(o)).filter(([, v]) => !v._to && v._tender !== 'false').map(([c]) => c))

const list = (o, keys) => keys.map(k => o[k]).join('|')
const months = ['1', '2', '3', '4', '5', '6', '7', '8', '9', '10', '11', '12']
const days = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat']

function table(tag, id) {
  const main = (pkg, file) => require(`cldr-${pkg}-full/main/${id}/${file}.json`).main[id]
  const n = main('numbers', 'numbers').numbers
  const g = main('dates', 'ca-gregorian').dates.calendars.gregorian
  const names = main('localenames', 'localeDisplayNames').localeDisplayNames
  const l = main('misc', 'listPatterns').listPatterns['listPattern-type-standard']
  const lang = id.split('-')[0]
  const system = n.defaultNumberingSystem
  const of = kind => n[`${kind}-numberSystem-${system}`]
  const symbols = of('symbols')
  const money = of('currencyFormats')
  const t = new Map()
  const put = (k, v) => {
    v = String(v)
    if (/[\t\n]/.test(v)) throw new Error(`${tag} ${k}: ${v}`)
    t.set(k, v)
  }
  put('lang', lang)
  put('dir', main('misc', 'layout').layout.orientation.characterOrder === 'right-to-left' ? 'rtl' : 'ltr')
  put('zero', [...numbering[system]._digits][0])
  put('decimal', symbols.decimal)
  put('group', symbols.group)
  put('money.decimal', symbols.currencyDecimal ?? symbols.decimal)
  put('money.group', symbols.currencyGroup ?? symbols.group)
  put('minus', symbols.minusSign)
  put('percentsign', symbols.percentSign)
  put('mingroup', n.minimumGroupingDigits)
  put('number', of('decimalFormats').standard)
  put('percent', of('percentFormats').standard)
  put('money', money['standard-alphaNextToNumber'] ?? money.standard)
  for (const s of ['full', 'long', 'medium', 'short']) {
    put('date.' + s, g.dateFormats[s])
    put('join.' + s, g['dateTimeFormats-atTime'].standard[s])
  }
  const avail = g.dateTimeFormats.availableFormats, span = g.dateTimeFormats.intervalFormats
  put('date.day', avail.MMMd)
  put('date.weekday', avail.MMMEd)
  put('date.month', avail.yMMMM)
  put('time.short', g.timeFormats.short.replaceAll('\u202f', ' '))
  put('time.medium', g.timeFormats.medium.replaceAll('\u202f', ' '))
  put('range.d', span.MMMd.d)
  put('range.M', span.MMMd.M)
  put('range.y', span.yMMMd.y)
  put('months.long', list(g.months.format.wide, months))
  put('months.short', list(g.months.format.abbreviated, months))
  put('months.alone.long', list(g.months['stand-alone'].wide, months))
  put('months.alone.short', list(g.months['stand-alone'].abbreviated, months))
  put('days.long', list(g.days.format.wide, days))
  put('days.short', list(g.days.format.abbreviated, days))
  put('days.alone.long', list(g.days['stand-alone'].wide, days))
  put('days.alone.short', list(g.days['stand-alone'].abbreviated, days))
  put('ampm', list(g.dayPeriods.format.abbreviated, ['am', 'pm']))
  if ([t.get('time.short'), t.get('time.medium')].some(p => p.includes('B'))) {
    const rules = supplemental('dayPeriods').dayPeriodRuleSet[id] ?? supplemental('dayPeriods').dayPeriodRuleSet[id.replace(/-[A-Z]{2}$/, '')] ?? supplemental('dayPeriods').dayPeriodRuleSet[lang]
    const at = h => Object.entries(rules).find(([, r]) => {
      const from = parseInt(r._from), before = parseInt(r._before)
      return r._from && (from < before ? h >= from && h < before : h >= from || h < before)
    })[0]
    put('hours', Array.from({length: 24}, (_, h) => g.dayPeriods.format.abbreviated[at(h)]).join('|'))
  }
  put('era', g.eras.eraAbbr['1'])
  for (const k of ['2', 'start', 'middle', 'end']) put('list.' + k, l[k])
  for (const [k, rule] of Object.entries(plurals[lang === 'pt' && id === 'pt-PT' ? 'pt-PT' : lang]))
    put('plural.' + k.replace('pluralRule-count-', ''), rule.replace(/@.*$/, '').trim())
  put('names', names.localeDisplayPattern.localePattern)
  for (const [k, v] of Object.entries(main('localenames', 'territories').localeDisplayNames.territories))
    if (/^[A-Z]{2}$/.test(k) && !['EU', 'EZ', 'UN', 'ZZ', 'XA', 'XB', 'QO'].includes(k)) put('country.' + k, v)
  for (const [k, v] of Object.entries(main('localenames', 'languages').localeDisplayNames.languages))
    if (/^([a-z]{2}|fil|yue)(-[A-Z]\w+)?$/.test(k)) put('language.' + k, v)
  for (const [k, v] of Object.entries(main('numbers', 'currencies').numbers.currencies))
    if (inUse.has(k)) put('currency.' + k, v.displayName)
  return t
}

for (const f of readdirSync(out)) rmSync(resolve(out, f))
const tables = new Map(locales.map(([tag, id]) => [tag, table(tag, id)]))
for (const [tag, , base] of locales) {
  const t = tables.get(tag), under = base && tables.get(base)
  const lines = base ? ['base\t' + base] : []
  for (const [k, v] of t) if (!under || under.get(k) !== v) lines.push(k + '\t' + v)
  if (under) for (const k of under.keys()) if (!t.has(k) && !k.startsWith('plural.') && !k.startsWith('language.')) console.error(tag, 'lacks', k)
  writeFileSync(resolve(out, tag + '.txt'), lines.join('\n') + '\n')
}
const shown = Object.entries(fractions).filter(([c]) => inUse.has(c)).map(([c, f]) => c + '\t' + f._digits)
writeFileSync(resolve(out, 'digits.txt'), shown.sort().join('\n') + '\n')
