-- +goose Up
create table unit_costs (
	sku      text      primary key,
	minor    bigint    not null,
	currency text      not null,
	source   text      not null,
	set_by   text      not null,
	set_at   timestamp not null
);

create table price_terms (
	market   text      primary key,
	body     text      not null,
	set_by   text      not null,
	set_at   timestamp not null
);

create table price_factors (
	market   text      not null,
	sku      text      not null,
	factor   text      not null,
	set_at   timestamp not null,
	primary key (market, sku)
);

create table rival_prices (
	sku      text      not null,
	market   text      not null,
	rival    text      not null,
	minor    bigint    not null,
	currency text      not null,
	day      text      not null,
	kept_at  timestamp not null,
	primary key (market, sku, rival, day)
);
