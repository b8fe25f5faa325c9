-- +goose Up
-- Simulations on past events, under way and done.
create table journey_trials (
	id         text      primary key,
	journey    text      not null,
	definition text      not null, -- JSON
	days       bigint    not null,
	by_whom    text      not null,
	state      text      not null, -- running, done, failed
	share      bigint    not null, -- done, in thousandths
	report     text      not null, -- JSON; empty until done
	at         timestamp not null,
	ended_at   timestamp
);
create index journey_trials_journey on journey_trials (journey, at);
