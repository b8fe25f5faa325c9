package catalog

// Snapshot is the catalogue as it stood at one version. Everything in it is shared: leave it as it is.
type Snapshot struct {
	products []*Product
}

// library reads a language's words when they are first asked for.
type library struct{}

// Products returns the shown products in the shop's order.
func (s *Snapshot) Products() []*Product { return s.products }

// BySlug finds a shown product.
func (s *Snapshot) BySlug(slug string) (*Product, bool) { panic("soon") }

// ByID finds a shown product.
func (s *Snapshot) ByID(id string) (*Product, bool) { panic("soon") }

// BySKU finds a variant of a shown product.
func (s *Snapshot) BySKU(sku string) (*Product, *Variant, bool) { panic("soon") }

// Categories returns the categories in the shop's order, parents before children.
func (s *Snapshot) Categories() []Category { panic("soon") }

// Category finds a category.
func (s *Snapshot) Category(slug string) (Category, bool) { panic("soon") }

// Version counts the changes of the catalogue.
func (s *Snapshot) Version() int64 { panic("soon") }

// Text is what the product says in lang, or in English, or in any language it has.
func (p *Product) Text(lang string) Text { panic("soon") }

// Alt describes the i-th image for those who don't see it.
func (p *Product) Alt(i int, lang string) string { panic("soon") }

// ValueName is what a choice is called in lang: "Marineblau" for color, navy; else its code.
func (p *Product) ValueName(option, code, lang string) string { panic("soon") }

// VariantName joins the names of a variant's choices in the order of the product's options: "Marineblau, M".
func (p *Product) VariantName(v *Variant, lang string) string { panic("soon") }

// Pick finds the variant with these choices (option name -> value code).
func (p *Product) Pick(choices map[string]string) (*Variant, bool) { panic("soon") }

// Image is the picture to show for a colour: the first of that colour, else the first.
func (p *Product) Image(color string) (Image, int, bool) { panic("soon") }
