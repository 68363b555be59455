-- Who a key belongs to, what it may do, and limits of use. Keys from before belong to nobody and
-- may do what they could.

alter table api_key add column owner text;
alter table api_key add column role text not null default 'member';
alter table api_key add column allowed text not null default '[]';
alter table api_key add column tags text not null default '{}';

create table account (
    party      text    primary key,
    -- From 1, the user, to 3, the organisation.
    height     integer not null,
    parent     text    references account (party),
    allowed    text    not null,
    tags       text    not null,
    created_at integer not null,
    closed_at  integer
) strict;

-- A limit that was lifted has no amount; its number and its use stay.
create table budget_cap (
    sequence integer primary key autoincrement,
    party    text    not null,
    measure  text    not null,
    per      text    not null,
    at_most  integer,
    unique (party, measure, per)
) strict;

-- Processes that serve.
create table budget_holder (
    id          text    primary key,
    lease_until integer not null
) strict;

-- What each of them used, and has drawn, of a limit in the window that began then.
create table budget_use (
    cap       integer not null references budget_cap (sequence),
    begins_at integer not null,
    holder    text    not null,
    used      integer not null,
    drawn     integer not null check (drawn >= used),
    primary key (cap, begins_at, holder)
) strict, without rowid;
