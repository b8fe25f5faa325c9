-- +goose Up
-- When the measurement of a journey ends, said before anybody looked. Lines are only ever added.
create table journey_ends (
	id      text      primary key,
	journey text      not null,
	ends    text      not null, -- day in UTC; empty: taken back
	by_whom text      not null,
	at      timestamp not null
);
create index journey_ends_journey on journey_ends (journey, at);
