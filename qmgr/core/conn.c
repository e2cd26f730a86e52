/* SPDX-License-Identifier: BSD-2-Clause */
/* conn: one delivery connection of a worker, from its opening to its end. */
#include "qmgr/core/core_int.h"

#define CONN_GRACE_MS 60000 /* over what the worker's own limits allow */
#define CONN_TRIES 8        /* looks at so many for one with a free slot */

static struct key
number_key(const uint32_t *number)
{
	return (struct key){ number, sizeof(*number) };
}

static struct conn *
conn_get(const struct core *core, uint32_t conn)
{
	return slab_get(&core->conns, conn);
}

struct conn *
conn_find(const struct core *core, uint32_t worker, uint32_t number)
{
	uint32_t handle = index_find(&core->conn_ids, number_key(&number));
	struct conn *c;

	if (handle == 0)
		return NULL;
	c = conn_get(core, handle);
	return c->worker == worker ? c : NULL;
}

static void
enlist(struct conn *c, struct list *in)
{
	if (c->in == in)
		return;
	if (c->in != NULL)
		list_remove(c->in, &c->in_site);
	list_push_front(in, &c->in_site);
	c->in = in;
}

struct conn *
conn_make(struct core *core, struct site *s, uint32_t worker, uint32_t number)
{
	uint32_t handle = slab_alloc(&core->conns);
	struct conn *c;

	if (handle == 0)
		return NULL;
	if (heap_reserve(&core->conn_due, heap_n(&core->conn_due) + 1) !=
	        ERR_OK ||
	    index_put(&core->conn_ids, number_key(&number), handle) != ERR_OK) {
		slab_free_item(&core->conns, handle);
		return NULL;
	}
	c = conn_get(core, handle);
	c->self = handle;
	c->number = number;
	c->site = s->self;
	c->worker = worker;
	c->state = CORE_CONN_OPENING;
	s->n_opening++;
	heap_push(&core->conn_due, CORE_NEVER_MS, handle);
	enlist(c, &s->other);
	list_push_back(&core->workers[worker].conns, &c->in_worker);
	return c;
}

/* A number that no living connection has; 0 is none. */
static uint32_t
fresh_number(struct core *core)
{
	uint32_t number;

	do
		number = core->next_conn++;
	while (number == 0 ||
	    index_find(&core->conn_ids, number_key(&number)) != 0);
	return number;
}

bool
conn_open(struct core *core, struct site *s, int worker)
{
	struct core_action *a;
	struct conn *c;

	if (worker < 0)
		worker = worker_pick(core);
	if (worker < 0 || slab_n(&core->conns) == core->conf.conns_max)
		c = NULL;
	else
		c = conn_make(core, s, (uint32_t)worker, fresh_number(core));
	if (c == NULL) {
		core->stuck.no_room_ms = core->now_ms;
		return false;
	}
	heap_change(&core->conn_due, c->heap_pos,
	    core->now_ms + site_policy(core, s)->open_ms + CONN_GRACE_MS);
	a = core_emit(core, CORE_OPEN);
	a->worker = c->worker;
	a->conn = c->number;
	a->source = s->source;
	a->provider = s->provider;
	a->transport = s->transport;
	a->hosts = s->hosts;
	return true;
}

/* Takes c out of its site's counts. */
static void
uncount(struct site *s, const struct conn *c)
{
	if (c->state == CORE_CONN_OPENING)
		s->n_opening--;
	else if (c->state == CORE_CONN_UP)
		s->n_up--;
}

void
conn_close(struct core *core, struct conn *c)
{
	struct site *s = site_get(core, c->site);
	struct core_action *a;

	if (c->state == CORE_CONN_CLOSING)
		return;
	uncount(s, c);
	c->state = CORE_CONN_CLOSING;
	conn_file(core, c);
	/* Q3: another one may be needed instead. */
	if (s->n_ready > 0)
		site_mark(core, s);
	a = core_emit(core, CORE_CLOSE);
	a->worker = c->worker;
	a->conn = c->number;
}

static bool
is_used_up(const struct site *s, const struct conn *c)
{
	return s->per_connection > 0 && c->n_sent >= s->per_connection;
}

/* What it had on lease before a restart is known of its worker only. */
static bool
is_blocked(const struct core *core, const struct conn *c)
{
	return c->is_adopted && core->workers[c->worker].n_restored > 0;
}

void
conn_file(struct core *core, struct conn *c)
{
	struct site *s = site_get(core, c->site);
	int64_t due_ms = CORE_NEVER_MS;

	if (c->state == CORE_CONN_OPENING)
		return;
	if (c->state == CORE_CONN_CLOSING ||
	    (c->n_out == 0 && is_blocked(core, c))) {
		enlist(c, &s->other);
		due_ms = core->now_ms + CONN_GRACE_MS +
		    site_policy(core, s)->attempt_ms *
		        (int64_t)core->conf.ahead;
	} else if (c->n_out == 0 && is_used_up(s, c)) {
		enlist(c, &s->other);
		due_ms = core->now_ms;
	} else if (c->n_out == 0) {
		enlist(c, &s->idle);
		due_ms = core->now_ms + site_policy(core, s)->idle_reuse_ms;
	} else if (c->n_out < core->conf.ahead && !is_used_up(s, c)) {
		enlist(c, &s->busy);
	} else {
		enlist(c, &s->other);
	}
	heap_change(&core->conn_due, c->heap_pos, due_ms);
}

void
conn_free(struct core *core, struct conn *c)
{
	struct site *s = site_get(core, c->site);

	uncount(s, c);
	BUG_IF(s->n_out < c->n_out);
	s->n_out -= c->n_out;
	list_remove(c->in, &c->in_site);
	list_remove(&core->workers[c->worker].conns, &c->in_worker);
	heap_remove(&core->conn_due, c->heap_pos);
	(void)index_remove(&core->conn_ids, number_key(&c->number));
	slab_free_item(&core->conns, c->self);
	site_mark(core, s);
	site_reckon(core, s);
}

void
conn_visit(struct core *core, struct conn *c)
{
	if (c->state == CORE_CONN_UP) {
		conn_close(core, c);
		return;
	}
	/* Q12: what was asked of the worker has not happened. */
	worker_doom(core, c->worker,
	    c->state == CORE_CONN_OPENING
	        ? "a connection was neither opened nor given up"
	        : "a connection was not closed");
	heap_change(&core->conn_due, c->heap_pos, core->now_ms + CONN_GRACE_MS);
}

static bool
can_take(const struct core *core, const struct conn *c)
{
	const struct worker *w = &core->workers[c->worker];

	return worker_is_ready(w) && w->n_free > 0 &&
	    (int)c->worker != core->lonely_worker;
}

static struct conn *
pick_from(const struct core *core, const struct list *l)
{
	struct link *link;
	int tries = 0;

	LIST_FOREACH (link, l) {
		struct conn *c = LIST_ITEM(link, struct conn, in_site);

		if (can_take(core, c))
			return c;
		if (++tries == CONN_TRIES)
			return NULL;
	}
	return NULL;
}

struct conn *
conn_pick(struct core *core, struct site *s)
{
	struct conn *c = pick_from(core, &s->idle);

	return c != NULL ? c : pick_from(core, &s->busy);
}

enum err
core_conn_up(struct core *core, unsigned worker, uint32_t number)
{
	struct conn *c = conn_find(core, worker, number);
	struct site *s;

	if (c == NULL)
		return ERR_NOTFOUND;
	if (c->state != CORE_CONN_OPENING)
		return ERR_OK;
	s = site_get(core, c->site);
	s->n_opening--;
	s->n_up++;
	c->state = CORE_CONN_UP;
	c->was_up = true;
	conn_file(core, c);
	site_mark(core, s);
	return ERR_OK;
}

enum err
core_conn_down(struct core *core, const struct core_conn_end *end)
{
	struct conn *c = conn_find(core, end->worker, end->conn);
	struct conn was;

	if (c == NULL)
		return ERR_NOTFOUND;
	was = *c;
	conn_free(core, c);
	health_conn_down(core, site_get(core, was.site), &was, end);
	return ERR_OK;
}

enum err
core_conn_adopt(struct core *core, unsigned worker, uint32_t number,
    struct str source, struct str provider)
{
	struct site *s;
	struct conn *c;

	if (worker_get(core, worker) == NULL || number == 0 ||
	    source.len > CORE_NAME_MAX_BYTES || provider.len == 0 ||
	    provider.len > CORE_NAME_MAX_BYTES)
		return ERR_RANGE;
	if (index_find(&core->conn_ids, number_key(&number)) != 0)
		return ERR_EXISTS;
	s = site_obtain(core, source, provider);
	if (s == NULL)
		return ERR_FULL;
	c = conn_make(core, s, worker, number);
	if (c == NULL)
		return ERR_FULL;
	c->is_adopted = c->has_passed = true;
	return core_conn_up(core, worker, number);
}
