// Writes 4,000 random texts and what Twilio's published calculator says of each: encoding, units, segments.
// scripts/segments runs it with the package at hand. The texts are the same each time.
import { createRequire } from 'node:module';

const require = createRequire(process.cwd() + '/');
const { SegmentedMessage } = require('sms-segments-calculator');
const { version, license } = require('sms-segments-calculator/package.json');

let state = 20261122;
function random() { // mulberry32
  state = (state + 0x6d2b79f5) | 0;
  let t = Math.imul(state ^ (state >>> 15), 1 | state);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
}
const below = (n) => Math.floor(random() * n);
const pick = (list) => list[below(list.length)];

const gsm = [...'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789@£$¥èéùìòÇØøÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !"#¤%&\'()*+,-./:;<=>?¡ÄÖÑÜ§¿äöñüà\n\r'];
const double = [...'^{}[]~\\|€\f'];
const pools = {
  gsm,
  double,
  both: [...gsm, ...double],
  words: ['Your order ', 'has shipped. ', 'Reply STOP ', '19.99 € ', '[#4711] ', 'Größe M ', 'è già ', 'señor ', 'Ωμέγα ', '{name} ', 'ok\n', 'a|b ', 'x^2 ', 'A_b@c '],
  nearly: ['it’s ', '“yes” ', '5–7 ', 'ça ', 'forêt ', 'wait… ', '20\u00a0% ', '1\u202f234 ', 'ÉÀÊ ', 'Łódź ', 'não ', '\t', '`', '°C '],
  cyrillic: [...'абвгдежзиклмнопрстуфхцчшщъыьэюяЁЖїєґ .,!'],
  greek: [...'αβγδεζηθικλμνξοπρστυφχψωάέήίΐ '],
  arabic: [...'ابتثجحخدذرزسشصضطظعغفقكلمنهويةءأ ،؟', 'بَ', 'لُّ', 'كِتَاب '],
  hebrew: [...'אבגדהוזחטיכלמנסעפצקרשת ', 'שָׁ', 'לוֹ'],
  hindi: ['क', 'ख', 'ग', 'म', 'न', 'र', ' ', 'कि', 'नी', 'में', 'हूँ', 'है'],
  tamil: ['த', 'மி', 'ழ்', 'கா', 'நீ', ' ', 'கொ'],
  thai: [...'กขคงจชซดตถทนบปพฟมยรลวสหอ ', 'ที่', 'นี้', 'กำ', 'ผู้', 'เรื่', 'น้ำ'],
  khmer: ['ក', 'ខ', 'ស', 'តើ', 'នៅ', ' ', 'ពី'],
  burmese: ['က', 'ခ', 'မ', 'ကို', 'နေ', ' ', 'သည်'],
  chinese: [...'你好订单已发货请回复谢谢物流地址確認訂單編號，。！', '𠮷', '𩸽'],
  japanese: [...'ご注文ありがとうございますカタカナ漢字ー。、', 'か\u3099', 'ｶﾞ'],
  korean: [...'주문이확인되었습니다감사 ', '\u1112\u1161\u11ab', '\u1100\u1173\u11af'],
  vietnamese: ['đơn ', 'hàng ', 'của ', 'bạn ', 'đã ', 'được ', 'gửi ', 'tie\u0302\u0301ng '],
  turkish: [...'abcçdefgğhıijklmnoöprsştuüvyzİŞĞ '],
  latin: ['ê', 'ô', 'á', 'í', 'ő', 'ű', 'š', 'č', 'ž', 'þ', 'ð', 'œ', 'e\u0301', 'n\u0303', 'o\u0302\u0323', ' ', 'a', 'b'],
  emoji: ['😀', '🎉', '📦', '🚚', '❤', '☎', '✅', '💶', '🥳'],
  dressed: ['❤️', '☎️', '✈️', '1️⃣', '#️⃣', '©️'],
  skin: ['👍🏽', '👋🏿', '🙏🏻', '👩🏼'],
  joined: ['👨‍👩‍👧‍👦', '👩‍🚀', '🏳️‍🌈', '👩🏽‍💻', '🧑‍🤝‍🧑', '❤️‍🔥'],
  flags: ['🇩🇪', '🇮🇩', '🇲🇾', '🇺🇸', '🇬🇧', '🇻🇳'],
  marks: ['a\u0301\u0302\u0303\u0304', 'z\u0335\u0321\u034f\u0360', 'o\u20dd'],
  odd: ['\u200b', '\u200d', '\u200e', '\ufeff', '\u00ad', '\r\n', '\u2028', '\ufffd', '\u0000', '\u007f', '\u0085', 'ﬁ', '①', '𝒳', '\u{e0041}'],
};
const names = Object.keys(pools);
const units = (s) => s.length;
const cost = (s) => [...s].reduce((n, c) => n + (double.includes(c) ? 2 : 1), 0);

// filled is a text of pieces from the pools that comes to about size.
function filled(from, size, measure) {
  let text = '';
  for (let n = 0; n < size;) {
    const piece = pick(pools[pick(from)]);
    text += piece;
    n += measure(piece);
  }
  return text;
}

const texts = new Set(['', 'a', '€', '😀', '\n', '\r\n']);
for (const size of [159, 160, 161, 305, 306, 307, 458, 459, 460, 612, 613]) texts.add('a'.repeat(size));
for (const size of [79, 80, 81, 152, 153, 154, 229]) texts.add('€'.repeat(size));
for (const size of [69, 70, 71, 133, 134, 135, 200, 201, 202]) texts.add('б'.repeat(size)).add('漢'.repeat(size));
for (const size of [34, 35, 36, 66, 67, 68, 100]) texts.add('😀'.repeat(size));
for (const lead of [151, 152, 153, 159, 160]) for (const e of double) texts.add('x'.repeat(lead) + e + 'y'.repeat(10));
for (const lead of [64, 65, 66, 67, 69, 70]) for (const e of ['😀', '👨‍👩‍👧‍👦', '🇩🇪', 'é', 'ที่', '👍🏽', '\r\n', '𠮷']) texts.add('я'.repeat(lead) + e + 'я'.repeat(5));
while (texts.size < 4000) {
  const kind = below(10);
  const edge = [160, 153, 306, 459][below(4)] + below(7) - 3;
  const short = [70, 67, 134, 201][below(4)] + below(7) - 3;
  if (kind === 0) texts.add(filled(['gsm'], edge, cost));
  else if (kind === 1) texts.add(filled(['both'], edge, cost));
  else if (kind === 2) texts.add(filled(['words', 'gsm', 'double'], 1 + below(400), cost));
  else if (kind === 3) texts.add(filled(['words', 'words', 'nearly'], 1 + below(200), units));
  else if (kind < 7) texts.add(filled([pick(names.slice(5))], short, units));
  else if (kind < 9) texts.add(filled([pick(names), pick(names)], 1 + below(220), units));
  else texts.add(filled([pick(names), pick(names), pick(names), 'emoji'], short, units));
}

console.log(`# 4,000 random texts and what sms-segments-calculator ${version} (npm, ${license}), Twilio's published calculator, says of them:`);
console.log('# segments, units (septets, or 16-bit units), encoding, text as a JSON string. Encoding "auto", smart encoding off.');
console.log('# Made by scripts/segments.');
for (const text of texts) {
  const m = new SegmentedMessage(text);
  console.log([m.segmentsCount, m.messageSize / (m.encodingName === 'GSM-7' ? 7 : 16), m.encodingName, JSON.stringify(text)].join('\t'));
}
