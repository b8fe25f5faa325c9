-- +goose Up
-- What providers take for parts of messages, beside what was reckoned with before.
create table message_charges (
	attempt         text      not null,
	part            bigint    not null, -- 0: each part alike
	message         text      not null,
	micros          bigint    not null, -- of one part
	currency        text      not null,
	quoted_micros   bigint    not null, -- of one part, by the route or the price list
	quoted_currency text      not null,
	at              timestamp not null,
	primary key (attempt, part)
);
create index message_charges_message on message_charges (message);
