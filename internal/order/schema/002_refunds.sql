-- +goose Up
-- money of an order that was asked to go back, and what became of it
create table order_refunds (
	id       text      primary key,
	order_id text      not null references orders (id),
	amount   bigint    not null,
	currency text      not null,
	reason   text      not null,
	lines    text      not null, -- JSON
	delivery boolean   not null,
	asked_by text      not null, -- empty: it was made elsewhere
	asked_at timestamp not null,
	state    text      not null check (state in ('asked', 'made', 'refused')),
	ref      text,               -- what made it calls it
	made_at  timestamp,
	unique (order_id, ref)
);
