-- +goose Up
-- supplies and what takes them back; rows are only ever added
create table tax_entries (
	id           text      primary key,
	key          text      not null unique, -- sale:ord_…, cancel:ord_…, refund:…
	kind         text      not null check (kind in ('sale', 'refund', 'cancellation')),
	order_id     text      not null,
	of           text      references tax_entries (id),
	at           timestamp not null,
	day          text      not null, -- in the authority's zone
	original_day text      not null, -- of the sale
	country      text      not null,
	region       text      not null,
	ship_from    text      not null,
	currency     text      not null,
	net          bigint    not null, -- goods and delivery without tax; below nothing for what takes a sale back
	duty         bigint    not null,
	tax          bigint    not null,
	fees         bigint    not null,
	low          boolean   not null, -- within the destination's low-value limit, or sold inside the country
	doubt        text      not null,
	reason       text      not null,
	test         boolean   not null
);
create index tax_entries_order on tax_entries (order_id);
create index tax_entries_day on tax_entries (day);

create table tax_parts (
	entry  text   not null references tax_entries (id),
	n      bigint not null,
	scheme text   not null,
	code   text   not null,
	rate   text   not null,
	rule   text   not null,
	base   bigint not null,
	tax    bigint not null,
	primary key (entry, n)
);
create index tax_parts_scheme on tax_parts (scheme);

create table tax_registrations (
	id         text      primary key,
	word       text      not null, -- as package landed understands it
	number     text      not null,
	note       text      not null,
	valid_from text      not null,
	valid_to   text      not null, -- last day; empty while it holds
	noted_at   timestamp not null
);
create index tax_registrations_word on tax_registrations (word, valid_from);

-- levels of thresholds that were reached and told
create table tax_levels (
	rule   text      not null,
	period text      not null,
	level  bigint    not null,
	at     timestamp not null,
	primary key (rule, period, level)
);
