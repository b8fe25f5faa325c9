package classify

import (
	"encoding/json"

	"portolan/internal/catalog"
	"portolan/internal/db"
)

const columns = `id, product, slug, how, hs, eu, gb, us, reason, decided_by, decided_at, suggested, pack, was_hs, was_us, undoes`

func insert(tx *db.Tx, d Decision) error {
	suggested, err := json.Marshal(d.Suggested)
	if err != nil {
		return err
	}
	return tx.Send(`insert into classify_decisions (`+columns+`) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)`,
		d.ID, d.Product, d.Slug, d.How, d.HS, d.EU, d.GB, d.US, d.Reason, d.By, d.At, string(suggested), d.Pack, d.Was, d.WasUS, d.Undoes)
}

func scan(r db.Row) (d Decision, err error) {
	var suggested string
	err = r.Scan(&d.ID, &d.Product, &d.Slug, &d.How, &d.HS, &d.EU, &d.GB, &d.US, &d.Reason, &d.By, &d.At, &suggested, &d.Pack, &d.Was, &d.WasUS, &d.Undoes)
	if err != nil {
		return d, err
	}
	d.At = d.At.UTC()
	return d, json.Unmarshal([]byte(suggested), &d.Suggested)
}

func history(tx *db.Tx, product string) ([]Decision, error) {
	return db.All(tx, scan, `select `+columns+` from classify_decisions where product = $1 order by decided_at desc, id desc`, product)
}

// standingAll are the decisions in force, by product.
func standingAll(tx *db.Tx) (map[string]*Decision, error) {
	all, err := db.All(tx, scan, `select `+columns+` from classify_decisions order by product, decided_at desc, id desc`)
	if err != nil {
		return nil, err
	}
	out := map[string]*Decision{}
	for from := 0; from < len(all); {
		to := from
		for to < len(all) && all[to].Product == all[from].Product {
			to++
		}
		if d, ok := standing(all[from:to]); ok {
			out[d.Product] = &d
		}
		from = to
	}
	return out, nil
}

// question notes what an import brought, unless a person has turned down the same before.
func question(tx *db.Tx, product, slug string, brought catalog.Codes) error {
	return tx.Send(`insert into classify_questions (product, slug, hs, hs_us, asked_at) values ($1, $2, $3, $4, $5)
		on conflict (product) do update set hs = excluded.hs, hs_us = excluded.hs_us, asked_at = excluded.asked_at, answered_by = ''
		where classify_questions.hs <> excluded.hs or classify_questions.hs_us <> excluded.hs_us`, product, slug, brought.HS, brought.HSUS, tx.Now())
}

func answer(tx *db.Tx, product, decision string) error {
	return tx.Send(`update classify_questions set answered_by = $2 where product = $1 and answered_by = ''`, product, decision)
}

// ask opens the question again that a decision had answered.
func ask(tx *db.Tx, product, decision string) error {
	return tx.Send(`update classify_questions set answered_by = '' where product = $1 and answered_by = $2`, product, decision)
}

func questions(tx *db.Tx) (map[string]*Question, error) {
	type row struct {
		product string
		Question
	}
	all, err := db.All(tx, func(r db.Row) (q row, err error) {
		err = r.Scan(&q.product, &q.HS, &q.HSUS, &q.At)
		q.At = q.At.UTC()
		return q, err
	}, `select product, hs, hs_us, asked_at from classify_questions where answered_by = '' order by product`)
	if err != nil {
		return nil, err
	}
	out := map[string]*Question{}
	for _, q := range all {
		out[q.product] = &q.Question
	}
	return out, nil
}
