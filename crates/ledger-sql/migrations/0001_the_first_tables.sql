-- The first tables. A migration that has been released is never edited: write the next one.
-- Instants are microseconds since 1970-01-01T00:00:00Z; digests are `sha256:<hex>`; lists and
-- structures are JSON.

create table dataset_naming (
    sequence integer primary key autoincrement,
    name     text    not null,
    digest   text    not null,
    at       integer not null
) strict;
create index dataset_naming_of on dataset_naming (name, sequence);

create table run (
    id          text primary key,
    task        text    not null,
    kind        text    not null,
    status      text    not null check (status in ('running', 'succeeded', 'failed', 'interrupted')),
    started_at  integer not null,
    finished_at integer,
    record      text,
    message     text,
    check ((status = 'running') = (finished_at is null))
) strict;
create index run_of_task on run (task, started_at);
create index run_by_start on run (started_at);

create table evaluation (
    sequence integer primary key autoincrement,
    version  text    not null,
    dataset  text    not null,
    split    text    not null,
    report   text    not null,
    at       integer not null,
    metric   text    not null,
    headline text    not null,
    unique (version, report)
) strict;

create table model_version (
    digest     text primary key,
    task       text    not null,
    family     text    not null,
    created_at integer not null
) strict;
create index model_version_of_task on model_version (task, created_at);

create table alias_move (
    sequence integer primary key autoincrement,
    task     text    not null,
    alias    text    not null,
    target   text,
    at       integer not null,
    by       text    not null,
    why      text    not null,
    gate     text    not null
) strict;
create index alias_move_of on alias_move (task, alias, sequence);

-- What was decided stays decided, whoever opens this file.
create trigger alias_move_is_never_edited before update on alias_move
begin
    select raise(abort, 'the history of aliases is append-only');
end;
create trigger alias_move_is_never_deleted before delete on alias_move
begin
    select raise(abort, 'the history of aliases is append-only');
end;

create table api_key (
    name       text primary key,
    hash       text    not null unique,
    prefix     text    not null,
    created_at integer not null,
    expires_at integer,
    revoked_at integer
) strict;

create table review (
    trace      text primary key,
    task       text    not null,
    text       text    not null,
    suggested  text    not null,
    confidence real    not null,
    reason     text    not null,
    at         integer not null,
    -- The judgement that counts; none while the item is pending.
    settlement integer references settlement (sequence)
) strict;
create index review_pending on review (trace) where settlement is null;
create index review_pending_of_task on review (task, trace) where settlement is null;
create index review_settled_of_task on review (task, settlement) where settlement is not null;

-- Every judgement ever made; the last one of a trace counts.
create table settlement (
    sequence integer primary key autoincrement,
    trace    text    not null references review (trace),
    labels   text    not null,
    by       text    not null,
    at       integer not null
) strict;
create index settlement_of_trace on settlement (trace);

create table feedback (
    sequence integer primary key autoincrement,
    trace    text    not null,
    at       integer not null,
    by       text    not null,
    kind     text    not null,
    body     text    not null
) strict;
create index feedback_on_trace on feedback (trace, sequence);
