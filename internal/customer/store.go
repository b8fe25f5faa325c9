package customer

import (
	"embed"
	"errors"
	"slices"
	"strings"

	"portolan/internal/db"
	"portolan/internal/fault"
)

//go:embed schema
var files embed.FS

// Schema holds customers, the ledger of consent and the suppressions.
var Schema = db.Schema{Owner: "customer", Files: files}

const columns = `id, given_name, family_name, email, phone, country, region, lang, market, zone, created_at`

func insert(tx *db.Tx, c Customer) (int64, error) {
	return tx.Exec(`insert into customers (`+columns+`, changed_at)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $11) on conflict do nothing`,
		c.ID, c.GivenName, c.FamilyName, c.Email, c.Phone, string(c.Country), c.Region, c.Lang, string(c.Market), c.Zone, c.CreatedAt)
}

func update(tx *db.Tx, c Customer) error {
	err := tx.Send(`update customers set given_name = $2, family_name = $3, email = $4, phone = $5, country = $6, region = $7,
		lang = $8, market = $9, zone = $10, changed_at = $11 where id = $1`,
		c.ID, c.GivenName, c.FamilyName, c.Email, c.Phone, string(c.Country), c.Region, c.Lang, string(c.Market), c.Zone, tx.Now())
	return err
}

func find(tx *db.Tx, id string) (Customer, error) {
	c, err := db.One(tx, scan, `select `+columns+` from customers where id = $1`, id)
	if errors.Is(err, db.ErrNone) {
		err = ErrUnknown
	}
	return c, err
}

// single leaves out profiles that are read as another one.
const single = `not exists (select 1 from customer_aliases a where a.id = customers.id)`

// wider is a row with a number after the columns that are scanned.
type wider struct {
	db.Row
	n *int64
}

// Scan implements db.Row.
func (w wider) Scan(to ...any) error { return w.Row.Scan(append(to, w.n)...) }

// lookUp is find that also says whether the profile is joined with others.
func lookUp(tx *db.Tx, id string) (c Customer, joined bool, err error) {
	c, err = db.One(tx, func(r db.Row) (Customer, error) {
		n := int64(0)
		c, err := scan(wider{r, &n})
		joined = n > 0
		return c, err
	}, `select `+columns+`, (select count(*) from customer_aliases a where a.id = customers.id or a.survivor = customers.id) from customers where id = $1`, id)
	if errors.Is(err, db.ErrNone) {
		err = ErrUnknown
	}
	return c, joined, err
}

func byEmail(tx *db.Tx, email string) ([]Customer, error) {
	return db.All(tx, scan, `select `+columns+` from customers where email = $1 and email <> ''`, email)
}

func byPhone(tx *db.Tx, e164 string) ([]Customer, error) {
	return db.All(tx, scan, `select `+columns+` from customers where phone = $1 and phone <> '' order by changed_at desc, id desc limit 20`, e164)
}

const addressesEach = 256 // asked about by one statement

// atAddresses asks in the order of the addresses, so that one statement reads few pages of their index.
func atAddresses(tx *db.Tx, addresses []string) (map[string]Holder, error) {
	out := make(map[string]Holder, len(addresses))
	for column, all := range map[string][]string{"email": slices.DeleteFunc(slices.Clone(addresses), func(a string) bool { return !strings.Contains(a, "@") }),
		"phone": slices.DeleteFunc(slices.Clone(addresses), func(a string) bool { return strings.Contains(a, "@") })} {
		slices.Sort(all)
		latest := ""
		if column == "phone" {
			latest = " order by changed_at, id"
		}
		for part := range slices.Chunk(slices.Compact(all), addressesEach) {
			_, err := db.All(tx, func(r db.Row) (struct{}, error) {
				var address string
				var h Holder
				err := r.Scan(&address, &h.ID, (*string)(&h.Market))
				out[address] = h
				return struct{}{}, err
			}, `select `+column+`, id, market from customers where `+column+` in `+db.In(1, len(part))+` and `+column+` <> ''`+latest, db.Fill(part)...)
			if err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

// nearby reports whether an address is neither a phone nor a mailbox, but a chat or a browser: it belongs to who agreed
// there last.
func nearby(address string) bool {
	return !strings.HasPrefix(address, "+") && (!strings.Contains(address, "@") || strings.Contains(address, "://"))
}

// behind returns the people an address belongs to.
func behind(tx *db.Tx, address string) ([]Customer, error) {
	if nearby(address) {
		return db.All(tx, scan, `select `+columns+` from customers where id = (select customer from consents
			where address = $1 and customer <> '' order by seq desc limit 1)`, address)
	}
	if strings.Contains(address, "@") {
		return db.All(tx, scan, `select `+columns+` from customers where email = $1 and email <> ''`, address)
	}
	return byPhone(tx, address)
}

// like is a text as it is looked for in names and addresses, by alike.
func like(text string) string {
	return "%" + strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(strings.ToLower(text)) + "%"
}

const alike = `(email like $1 escape '\' or phone like $1 escape '\' or lower(given_name || ' ' || family_name) like $1 escape '\')`

func list(tx *db.Tx, q Query, more []string) ([]Customer, error) {
	more = append(more, "")
	return db.All(tx, scan, `select `+columns+` from customers
		where ($2 = '' or market = $2) and `+single+`
		and ($1 = '%%' or `+alike+` or id in `+db.In(5, len(more))+`)
		and ($3 = '' or id < $3)
		order by id desc limit $4`, append([]any{like(q.Text), string(q.Market), q.After, q.Limit}, db.Fill(more)...)...)
}

// aliasesLike are profiles with a text that are read as another one.
func aliasesLike(tx *db.Tx, text string) ([]string, error) {
	return db.All(tx, db.Scalar[string], `select id from customers where `+alike+` and not `+single+` order by id desc limit 200`, like(text))
}

func scan(r db.Row) (c Customer, err error) {
	err = r.Scan(&c.ID, &c.GivenName, &c.FamilyName, &c.Email, &c.Phone, (*string)(&c.Country), &c.Region, &c.Lang,
		(*string)(&c.Market), &c.Zone, &c.CreatedAt)
	c.CreatedAt = c.CreatedAt.UTC()
	return
}

const ledgerColumns = `id, address, seq, customer, channel, class, action, text, wording, lang, market, page, source, ip_digest, at, previous, digest, proof`

// add seals c to the end of its address's chain. Two writers at one address take turns.
func add(tx *db.Tx, c Consent) (Consent, error) {
	for range 5 {
		last, err := db.One(tx, scanConsent, `select `+ledgerColumns+` from consents where address = $1 order by seq desc limit 1`, c.Address)
		if err != nil && !errors.Is(err, db.ErrNone) {
			return c, err
		}
		c.Seq, c.Previous = last.Seq+1, last.Digest
		c.Digest = c.seal()
		n, err := tx.Exec(`insert into consents (`+ledgerColumns+`)
			values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18) on conflict do nothing`,
			c.ID, c.Address, c.Seq, c.Customer, string(c.Channel), string(c.Class), string(c.Action), c.Text, c.Wording, c.Lang,
			string(c.Market), c.Page, c.Source, c.IPDigest, c.At, c.Previous, c.Digest, c.Proof)
		if err != nil || n == 1 {
			return c, err
		}
	}
	return c, fault.New(fault.Conflict, "customer.changed_meanwhile")
}

func ledger(tx *db.Tx, address string) ([]Consent, error) {
	return db.All(tx, scanConsent, `select `+ledgerColumns+` from consents where address = $1 order by seq`, address)
}

func eventsOf(tx *db.Tx, ids []string) ([]Consent, error) {
	return db.All(tx, scanConsent, `select `+ledgerColumns+` from consents where customer in `+db.In(1, len(ids))+` order by at, address, seq`, db.Fill(ids)...)
}

func consent(tx *db.Tx, id string) (Consent, error) {
	c, err := db.One(tx, scanConsent, `select `+ledgerColumns+` from consents where id = $1`, id)
	if errors.Is(err, db.ErrNone) {
		err = ErrBadToken
	}
	return c, err
}

func scanConsent(r db.Row) (c Consent, err error) {
	err = r.Scan(&c.ID, &c.Address, &c.Seq, &c.Customer, (*string)(&c.Channel), (*string)(&c.Class), (*string)(&c.Action), &c.Text,
		&c.Wording, &c.Lang, (*string)(&c.Market), &c.Page, &c.Source, &c.IPDigest, &c.At, &c.Previous, &c.Digest, &c.Proof)
	c.At = c.At.UTC()
	return
}
