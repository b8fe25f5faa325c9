// Writes ../data/countries.txt and ../data/regions.txt from the npm packages localized-address-format 1,
// postcode-validator 3 and iso-3166 4 (all MIT) and from tzdata's zone.tab (public domain). Run it with the
// folder that holds node_modules:
//
//	npm install localized-address-format postcode-validator iso-3166
//	node gen/gen.mjs <folder>
//
// countries.txt: country, format, format in Latin letters if it differs, postcode expression, zones.
// regions.txt: country, region code without the country, name.
import {createRequire} from 'node:module'
import {readFileSync, writeFileSync} from 'node:fs'
import {resolve, dirname} from 'node:path'
import {fileURLToPath, pathToFileURL} from 'node:url'

const from = resolve(process.argv[2] || '.')
const require = createRequire(resolve(from, 'x.js'))
const out = resolve(dirname(fileURLToPath(import.meta.url)), '../data')
try {
  require.resolve('postcode-validator/package.json')
} catch {
  console.error('the npm packages are not installed; the tables stay as they are')
  process.exit(0)
}
const {POSTCODE_REGEXES} = require('postcode-validator/lib/cjs/postcode-regexes.js')
const {iso31661, iso31662} = await import(pathToFileURL(resolve(from, 'node_modules/iso-3166/index.js')))
const source = readFileSync(require.resolve('localized-address-format'), 'utf8')
const formats = new Map(eval(source.match(/addressFormats = new Map\((\[[\s\S]*?\n\])\)/)[1]))

const zones = {}
for (const line of readFileSync('/usr/share/zoneinfo/zone.tab', 'utf8').split('\n')) {
  const [codes, , zone] = line.split('\t')
  if (zone) (zones[codes] ??= []).push(zone)
}

// Names as people of the country write them, where ISO 3166-2 has a form that nobody puts on a parcel.
const renamed = {
  'IT-23': 'Valle d\'Aosta', 'IT-BZ': 'Bolzano',
  'ID-JK': 'DKI Jakarta', 'ID-YO': 'DI Yogyakarta', 'ID-PA': 'Papua', 'ID-MA': 'Maluku',
  'MY-14': 'Kuala Lumpur', 'MY-15': 'Labuan', 'MY-16': 'Putrajaya',
  'AE-AJ': 'Ajman', 'AE-AZ': 'Abu Dhabi', 'AE-DU': 'Dubai', 'AE-FU': 'Fujairah', 'AE-RK': 'Ras Al Khaimah', 'AE-SH': 'Sharjah', 'AE-UQ': 'Umm Al Quwain',
}
// Subdivisions of ISO that no address names: island groups, and islands that are countries to the post.
const left = new Set(['US-UM', 'ID-JW', 'ID-KA', 'ID-ML', 'ID-NU', 'ID-PP', 'ID-SL', 'ID-SM',
  'CN-HK', 'CN-MO', 'CN-TW'])
// Countries whose region is chosen from the list; elsewhere it is typed.
const chosen = ['AE', 'AR', 'AU', 'BR', 'CA', 'CN', 'ES', 'ID', 'IE', 'IN', 'IT', 'JP', 'KR', 'MX', 'MY', 'PH', 'TH', 'TW', 'US', 'VN']
// Not in ISO 3166-2 but in addresses: mail of the forces.
const more = [['US', 'AA', 'Armed Forces Americas'], ['US', 'AE', 'Armed Forces Europe'], ['US', 'AP', 'Armed Forces Pacific']]

const tidy = re => re.source.replace(/^\^/, '').replace(/\$$/, '').replaceAll('(?!0)\\d{4}', '[1-9]\\d{3}').replaceAll('{1}', '').replaceAll('[ ]', ' ')
const own = {DE: '(?:0[1-9]|[1-9]\\d)\\d{3}', ID: '[1-9]\\d{4}', GB: '[A-Z]{1,2}[0-9][0-9A-Z]? ?[0-9][ABD-HJLNP-UW-Z]{2}|GIR ?0AA', MY: '\\d{5}', JP: '\\d{3}-?\\d{4}'}

const countries = iso31661.filter(c => c.state === 'assigned').map(c => c.alpha2).sort()
const lines = countries.map(c => {
  const f = formats.get(c) ?? {local: '%N%n%O%n%A%n%C'}
  const post = own[c] ?? (POSTCODE_REGEXES.has(c) ? tidy(POSTCODE_REGEXES.get(c)) : '')
  return [c, f.local, f.latin && f.latin !== f.local ? f.latin : '', post, (zones[c] ?? []).join(' ')].join('\t')
})
writeFileSync(resolve(out, 'countries.txt'), lines.join('\n') + '\n')

// Japan's own ISO entries are in a romanisation that only ISO uses; addresses are in Hepburn.
const hepburn = [[/Hu/g, 'Fu'], [/hu/g, 'fu'], [/si/g, 'shi'], [/Si/g, 'Shi'], [/ti$/, 'chi'], [/^Ti/, 'Chi'], [/tigi$/, 'chigi'], [/^Aiti/, 'Aichi']]
const plain = (c, name) => c === 'JP' ? hepburn.reduce((n, [from, to]) => n.replace(from, to), name.normalize('NFD').replace(/\p{M}/gu, '')) : name
const regions = []
for (const c of chosen) {
  const all = iso31662.filter(s => s.code.startsWith(c + '-') && !left.has(s.code))
  const parents = new Set(all.map(s => s.parent))
  // The lowest level that has no children of its own, or the first level where levels are mixed.
  const leaves = ['ID', 'IT', 'ES', 'PH', 'MY', 'IE'].includes(c)
    ? all.filter(s => !parents.has(s.code)) : all.filter(s => s.parent === c)
  for (const s of leaves) regions.push([c, s.code.slice(3), renamed[s.code] ?? plain(c, s.name)])
}
regions.push(...more)
regions.sort((a, b) => a[0].localeCompare(b[0]) || a[2].localeCompare(b[2], 'en'))
writeFileSync(resolve(out, 'regions.txt'), regions.map(r => r.join('\t')).join('\n') + '\n')
