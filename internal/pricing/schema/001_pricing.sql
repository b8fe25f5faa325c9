-- +goose Up
create table fx_rates (
	id          text      primary key,
	base        text      not null,
	quote       text      not null,
	rate        text      not null,
	day         text      not null,
	source      text      not null,
	vouched_by  text      not null default '',
	received_at timestamp not null,
	unique (base, quote, day, source, rate)
);
create index fx_rates_day on fx_rates (day);

create table price_heads (
	market      text      primary key,
	run         text      not null
);

create table price_runs (
	id            text      primary key,
	market        text      not null,
	currency      text      not null,
	tax_inclusive boolean   not null,
	rate          text      not null,
	rate_day      text      not null,
	factor        text      not null,
	reason        text      not null,
	made_at       timestamp not null
);

create table price_rows (
	run          text      not null references price_runs (id),
	sku          text      not null,
	market       text      not null,
	minor        bigint    not null,
	was_minor    bigint    not null default 0,
	lowest_minor bigint    not null default 0,
	from_at      timestamp not null,
	to_at        timestamp,
	primary key (run, sku)
);
create unique index price_rows_current on price_rows (market, sku) where to_at is null;
create index price_rows_history on price_rows (market, sku, from_at);

create table discount_codes (
	code        text      primary key,
	state       text      not null,
	rule        jsonb     not null,
	market      text      not null,
	customer    text      not null,
	campaign    text      not null,
	max_uses    bigint    not null,
	uses        bigint    not null default 0,
	created_at  timestamp not null
);

create table discount_uses (
	code        text      not null references discount_codes (code),
	order_id    text      not null,
	minor       bigint    not null,
	currency    text      not null,
	used_at     timestamp not null,
	primary key (code, order_id)
);

create table price_overrides (
	market      text      not null,
	sku         text      not null,
	minor       bigint    not null,
	set_at      timestamp not null,
	primary key (market, sku)
);
