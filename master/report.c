/* SPDX-License-Identifier: BSD-2-Clause */
/* report: what the service manager is told, while the relay lives. */
#include "master/report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "master/brood.h"
#include "master/hand.h"
#include "master/inherit.h"
#include "util/base/fatal.h"
#include "util/svc/notify.h"

#define LOOK_MS 1000
/* A start or a stop that gets on asks for as much more, each time we look. */
#define EXTEND_MS 30000
#define TEXT_BYTES 400
#define NAME_BYTES 64 /* of a child, and the words around it */

struct report {
	struct master *master;
	struct timer look;
	struct timer alive;
	int64_t watchdog_ms; /* 0: none */
	bool is_ready_due;   /* it could not be told */
	char last[TEXT_BYTES];
};

/* --- one line ------------------------------------------------------------- */

/* The first child that is not what the phase is to make of it, or NULL. */
static const struct child *
find_straggler(const struct master *m)
{
	enum child_state wanted =
	    m->phase == MASTER_STARTING ? CHILD_OK : CHILD_DOWN;
	uint32_t i;

	for (i = 0; i < m->n_children; i++)
		if (m->children[i].fate.state != wanted)
			return &m->children[i];
	return NULL;
}

static const struct child *
find_failing(const struct master *m)
{
	const struct child *c = brood_find(m, CHILD_BROKEN);

	if (c == NULL)
		c = brood_find(m, CHILD_FAILING);
	return c != NULL ? c : brood_find(m, CHILD_BACKOFF);
}

static const struct page *
qmgr_page(const struct master *m)
{
	uint32_t i;

	for (i = 0; i < m->n_children; i++)
		if (m->children[i].program == &programs[PROGRAM_QMGR])
			return m->children[i].page;
	return NULL;
}

/* "accepting mail", or how not and why. */
static void
put_pressure(const struct master *m, char *text)
{
	static const char *const words[PRESSURE_N] = {
		[PRESSURE_ACCEPT] = "accepting mail",
		[PRESSURE_SLOW] = "accepting mail slowly",
		[PRESSURE_REFUSE] = "refusing mail",
	};
	const struct page *page = qmgr_page(m);
	char reason[PAGE_REASON_MAX_BYTES + 1];

	page_get_reason(page, reason);
	(void)snprintf(text, TEXT_BYTES, "%s%s%s", words[page_pressure(page)],
	    reason[0] == '\0' ? "" : ": ", reason);
}

static void
put_running(const struct master *m, char *text)
{
	const struct child *bad = find_failing(m);

	if (bad == NULL)
		put_pressure(m, text);
	else
		(void)snprintf(text, TEXT_BYTES, "%s is failing: %.*s",
		    brood_name(bad), TEXT_BYTES - NAME_BYTES,
		    bad->trouble[0] == '\0' ? "it cannot be started"
		                            : bad->trouble);
}

static void
put_waiting(const struct master *m, const char *word, char *text)
{
	const struct child *c = find_straggler(m);

	(void)snprintf(text, TEXT_BYTES, "%s%s%s", word,
	    c == NULL ? "" : ": waiting for ", c == NULL ? "" : brood_name(c));
}

static void
put_text(const struct master *m, char *text)
{
	switch (m->phase) {
	case MASTER_STARTING:
		if (find_failing(m) == NULL)
			put_waiting(m, "starting", text);
		else
			put_running(m, text);
		break;
	case MASTER_RUNNING:
		put_running(m, text);
		break;
	case MASTER_UPGRADING:
		put_waiting(m, "upgrading", text);
		break;
	case MASTER_STOPPING:
		put_waiting(m, "stopping", text);
		break;
	}
}

/* --- the watch ------------------------------------------------------------ */

/* What changed already may change again this turn; once a second is enough for
 * whoever reads it. */
static void
on_look(void *arg)
{
	struct report *r = arg;
	struct master *m = r->master;
	char text[TEXT_BYTES];

	timer_set_at(&r->look, loop_now_ms(m->loop) + LOOK_MS);
	put_text(m, text);
	if (strcmp(text, r->last) != 0 && notify_status(text))
		memcpy(r->last, text, sizeof(r->last));
	if (r->is_ready_due && m->phase == MASTER_RUNNING)
		report_ready(m);
	if (m->phase != MASTER_RUNNING && find_failing(m) == NULL)
		notify_extend(EXTEND_MS);
}

/* Children that die are master's to start again, and one that is silent a
 * person's to judge; but where not one shows life, nothing works. */
static void
on_alive(void *arg)
{
	struct report *r = arg;
	struct master *m = r->master;

	timer_set_at(&r->alive, loop_now_ms(m->loop) + r->watchdog_ms / 2);
	if (!brood_is_silent(m))
		notify_alive();
}

void
report_begin(struct master *m)
{
	struct report *r = calloc(1, sizeof(*r));

	if (r == NULL)
		fatal("no memory for a report");
	r->master = m;
	m->report = r;
	timer_init(&r->look, m->loop, on_look, r);
	timer_init(&r->alive, m->loop, on_alive, r);
	if (!notify_is_used())
		return;
	timer_set_at(&r->look, loop_now_ms(m->loop));
	r->watchdog_ms = notify_watchdog_ms();
	if (r->watchdog_ms > 0)
		timer_set_at(&r->alive, loop_now_ms(m->loop));
}

void
report_end(struct master *m)
{
	struct report *r = m->report;

	timer_fini(&r->look);
	timer_fini(&r->alive);
	free(r);
	m->report = NULL;
}

void
report_ready(struct master *m)
{
	m->is_reloading = false;
	m->report->is_ready_due = !notify_ready();
	if (!m->report->is_ready_due)
		inherit_store(&m->listeners);
}

void
report_reloading(struct master *m)
{
	if (m->phase == MASTER_STARTING)
		return;
	m->is_reloading = true;
	notify_reloading();
}

void
report_changed(struct master *m)
{
	if (m->is_reloading && m->phase == MASTER_RUNNING &&
	    brood_find_behind(m) == NULL)
		report_ready(m);
}
