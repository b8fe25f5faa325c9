package admin

// EffectTable is what the file of a journey's effect holds.
var EffectTable = effectTable
