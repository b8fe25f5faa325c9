-- +goose Up
create table categories (
	slug       text    primary key,
	parent     text    not null default '',
	position   bigint  not null default 0,
	names      jsonb   not null,
	intros     jsonb   not null
);

create table products (
	id                  text      primary key,
	slug                text      not null unique,
	kind                text      not null,
	category            text      not null,
	collections         jsonb     not null,
	tax_category        text      not null,
	origin              text      not null,
	hs                  text      not null,
	hs_us               text      not null,
	customs_description text      not null,
	materials           jsonb     not null,
	size_chart          text      not null,
	facts               jsonb     not null,
	weight_grams        bigint    not null,
	base_minor          bigint    not null,
	currency            text      not null,
	options             jsonb     not null,
	images              jsonb     not null,
	hidden              boolean   not null,
	is_new              boolean   not null,
	featured            boolean   not null,
	position            bigint    not null,
	digest              text      not null,
	created_at          timestamp not null,
	changed_at          timestamp not null
);

create table variants (
	sku          text    primary key,
	product      text    not null references products (id) on delete cascade,
	position     bigint  not null,
	choices      text    not null,
	weight_grams bigint  not null,
	base_minor   bigint  not null,
	gtin         text    not null default ''
);
create index variants_product on variants (product);

create table product_texts (
	product     text   not null references products (id) on delete cascade,
	lang        text   not null,
	title       text   not null,
	description text   not null,
	care        text   not null,
	fit         text   not null,
	material    text   not null,
	alts        jsonb  not null,
	value_names jsonb  not null,
	primary key (product, lang)
);
create index product_texts_lang on product_texts (lang);
