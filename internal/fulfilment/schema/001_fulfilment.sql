-- +goose Up
create table stock_locations (
	code        text    primary key,
	name        text    not null,
	country     text    not null,
	zone        text    not null,
	cutoff_hour bigint  not null
);

create table stock_levels (
	sku         text      not null,
	location    text      not null references stock_locations (code),
	on_hand     bigint    not null,
	safety      bigint    not null default 0,
	reserved    bigint    not null default 0 check (reserved >= 0),
	allocated   bigint    not null default 0 check (allocated >= 0),
	changed_at  timestamp not null,
	primary key (sku, location)
);
create index stock_levels_changed on stock_levels (changed_at);

create table reservations (
	ref         text      primary key,
	state       text      not null,
	until_at    timestamp not null,
	changed_at  timestamp not null
);
create index reservations_due on reservations (until_at) where state = 'held';

create table reservation_lines (
	ref         text      not null references reservations (ref),
	sku         text      not null,
	location    text      not null,
	quantity    bigint    not null check (quantity > 0),
	primary key (ref, sku, location)
);

create table delivery_services (
	id          text      primary key,
	market      text      not null,
	position    bigint    not null,
	body        jsonb     not null
);
