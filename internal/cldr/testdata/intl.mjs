// Asks Node's Intl how it would write what cldr_test.go writes; reads the questions as JSON, answers as JSON.
import {readFileSync} from 'node:fs'
const q = JSON.parse(readFileSync(0, 'utf8'))
const styles = {short: 'short', medium: 'medium', long: 'long', full: 'full'}
const out = {cldr: process.versions.cldr, answers: {}}
for (const tag of q.tags) {
  const a = out.answers[tag] = {}
  const of = (k, f) => { try { a[k] = f() } catch (e) { a[k] = 'error ' + e.message } }
  for (const [n, c] of q.money)
    of(`money ${n} ${c}`, () => new Intl.NumberFormat(tag, {style: 'currency', currency: c, currencyDisplay: 'code'}).format(n))
  for (const n of q.numbers) of(`number ${n}`, () => new Intl.NumberFormat(tag).format(n))
  for (const n of q.percents) of(`percent ${n}`, () => new Intl.NumberFormat(tag, {style: 'percent', maximumFractionDigits: 6}).format(n))
  const base = {timeZone: 'UTC', calendar: 'gregory'}
  for (const iso of q.times) {
    const d = new Date(iso)
    for (const s in styles) of(`date ${s} ${iso}`, () => new Intl.DateTimeFormat(tag, {...base, dateStyle: s}).format(d))
    of(`date day ${iso}`, () => new Intl.DateTimeFormat(tag, {...base, month: 'short', day: 'numeric'}).format(d))
    of(`date weekday ${iso}`, () => new Intl.DateTimeFormat(tag, {...base, weekday: 'short', month: 'short', day: 'numeric'}).format(d))
    of(`date month ${iso}`, () => new Intl.DateTimeFormat(tag, {...base, year: 'numeric', month: 'long'}).format(d))
    of(`time ${iso}`, () => new Intl.DateTimeFormat(tag, {...base, timeStyle: 'short'}).format(d))
    for (const s of ['short', 'medium', 'long']) of(`datetime ${s} ${iso}`, () => new Intl.DateTimeFormat(tag, {...base, dateStyle: s, timeStyle: 'short'}).format(d))
  }
  for (const [from, to] of q.ranges) {
    const year = from.slice(0, 4) === to.slice(0, 4) ? undefined : 'numeric'
    of(`range ${from} ${to}`, () => new Intl.DateTimeFormat(tag, {...base, year, month: 'short', day: 'numeric'}).formatRange(new Date(from), new Date(to)))
  }
  for (const n of q.counts) of(`plural ${n}`, () => new Intl.PluralRules(tag).select(n))
  for (const c of q.countries) of(`country ${c}`, () => new Intl.DisplayNames(tag, {type: 'region'}).of(c))
  for (const c of q.currencies) of(`currency ${c}`, () => new Intl.DisplayNames(tag, {type: 'currency'}).of(c))
  for (const c of q.languages) of(`language ${c}`, () => new Intl.DisplayNames(tag, {type: 'language'}).of(c))
  for (const l of q.lists) of(`list ${l.join('|')}`, () => new Intl.ListFormat(tag).format(l))
}
process.stdout.write(JSON.stringify(out))
