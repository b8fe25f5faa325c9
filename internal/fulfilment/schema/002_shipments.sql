-- +goose Up
create table shipments (
	id             text      primary key,
	order_id       text      not null,
	number         text      not null,
	market         text      not null,
	country        text      not null,
	location       text      not null references stock_locations (code),
	state          text      not null,
	version        bigint    not null,
	body           text      not null,
	made_at        timestamp not null,
	changed_at     timestamp not null,
	handed_over_at timestamp,
	unique (order_id, location),
	check (state in ('preparing', 'ready', 'handed_over', 'voided'))
);
create index shipments_state on shipments (state, made_at, id);
create index shipments_age on shipments (made_at, id);

create table shipment_parcels (
	shipment    text    not null references shipments (id),
	number      bigint  not null,
	tracking    text,
	gross_grams bigint  not null check (gross_grams >= 0),
	weighed     boolean not null,
	length_mm   bigint  not null,
	width_mm    bigint  not null,
	height_mm   bigint  not null,
	packed      text    not null,
	primary key (shipment, number)
);
create unique index shipment_parcels_tracking on shipment_parcels (tracking) where tracking is not null;

-- ranges of postal item numbers that a post gave the merchant
create table item_numbers (
	prefix  text   not null,
	country text   not null,
	next    bigint not null,
	last    bigint not null,
	primary key (prefix, country)
);
