-- +goose Up
alter table journey_drafts add column rev bigint not null default 1; -- counts changes, so that two writers don't undo each other
alter table journey_drafts add column step bigint not null default 0; -- which of the steps below it shows

-- What a draft was after each change, for undo and redo.
create table journey_draft_steps (
	journey    text      not null,
	n          bigint    not null,
	definition text      not null,
	what       text      not null, -- what was done: "changed:write"
	by_whom    text      not null,
	at         timestamp not null,
	primary key (journey, n)
);
insert into journey_draft_steps (journey, n, definition, what, by_whom, at) select journey, 0, definition, 'begun:', by_whom, at from journey_drafts;
create index journey_runs_started on journey_runs (journey, started_at);
