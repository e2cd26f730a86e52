/* SPDX-License-Identifier: BSD-2-Clause */
/* gauge: weighs what limits the intake. */
#include "qmgr/gauge.h"

#include <stdlib.h>

#include "qmgr/budget.h"
#include "qmgr/intake.h"
#include "qmgr/qmgr_int.h"
#include "util/base/fatal.h"
#include "util/base/slab.h"
#include "util/conf/conf.h"
#include "util/log/log.h"
#include "util/spool/ledger.h"

/* What a queued message takes, all told (DESIGN 5). */
#define PART_BUDGET_BYTES 128
/* Share of what there is where nothing is configured. */
#define MEMORY_SHARE_NUM 2
#define MEMORY_SHARE_DEN 3
/* Above this share of the budget it slows, in per cent. */
#define SLOW_PCT 90
/* Entries behind the disk: a second's worth at full speed slows, and ten
 * refuse. */
#define LAG_SLOW 50000
#define LAG_REFUSE 500000
/* Files that must still fit: segments, ledger files, a checkpoint. */
#define INODES_RESERVE 64

struct gauge {
	struct qmgr *q;
	int64_t look_ms;
	uint64_t reserve_bytes;
	uint32_t parts_max;
	enum pressure now;
	struct outbuf reason;
	char text[PAGE_REASON_MAX_BYTES];
	int64_t since_ms;
};

void
gauge_reload(struct gauge *p)
{
	uint64_t bytes = svc_conf(p->q->svc)->memory.queue_memory_bytes;
	uint64_t parts;

	if (bytes == 0)
		bytes =
		    budget_memory_bytes() / MEMORY_SHARE_DEN * MEMORY_SHARE_NUM;
	parts = bytes / PART_BUDGET_BYTES;
	if (parts < 1)
		parts = 1;
	p->parts_max =
	    parts < SLAB_ITEMS_MAX ? (uint32_t)parts : SLAB_ITEMS_MAX;
}

struct gauge *
gauge_new(struct qmgr *q)
{
	struct gauge *p = calloc(1, sizeof(*p));

	if (p == NULL)
		fatal("no memory to begin with");
	p->q = q;
	p->reason = (struct outbuf){ p->text, 0, sizeof(p->text) };
	gauge_reload(p);
	return p;
}

/* One input says how bad it is: the worst stays, the first of equals. */
static void
weigh(struct gauge *p, enum pressure is, const char *what, uint64_t figure)
{
	if (is <= p->now)
		return;
	p->now = is;
	p->reason.len = 0;
	if (outbuf_printf(&p->reason, "%s (%llu)", what,
	        (unsigned long long)figure) != ERR_OK)
		outbuf_put(&p->reason, STR("see status"));
}

static enum pressure
grade(uint64_t value, uint64_t slow, uint64_t refuse)
{
	if (value >= refuse)
		return PRESSURE_REFUSE;
	return value >= slow ? PRESSURE_SLOW : PRESSURE_ACCEPT;
}

/* Room for the next checkpoint, two ledger files and a segment must remain:
 * what is queued must be able to leave (DESIGN 5). */
static void
weigh_disk(struct gauge *p)
{
	const struct conf *conf = svc_conf(p->q->svc);
	struct store_stats stats;

	store_stats(p->q->store, &stats);
	p->reserve_bytes = checkpoint_bytes(p->q->checkpoint) +
	    2 * (uint64_t)LEDGER_FILE_BYTES + conf->spool.segment_size_bytes;
	if (stats.is_read_only)
		weigh(p, PRESSURE_REFUSE, "spool: read-only file system", 0);
	if (stats.free_bytes < p->reserve_bytes)
		weigh(p, PRESSURE_REFUSE, "spool: too little free space, bytes",
		    stats.free_bytes);
	if (stats.free_inodes < INODES_RESERVE)
		weigh(p, PRESSURE_REFUSE, "spool: too few free inodes",
		    stats.free_inodes);
}

static void
weigh_memory(struct gauge *p)
{
	uint64_t max = p->parts_max;
	struct core_accounts a;

	core_accounts(p->q->core, &a);
	weigh(p,
	    grade(a.waiting + a.ready + a.leased + a.held,
	        (max * SLOW_PCT + 99) / 100, max),
	    "queue_memory: queued parts", a.admitted - a.done);
}

static void
weigh_ledger(struct gauge *p)
{
	uint64_t lag = journal_lag(p->q->journal);

	weigh(
	    p, grade(lag, LAG_SLOW, LAG_REFUSE), "ledger: entries behind", lag);
	if (!journal_can_admit(p->q->journal, p->q->n_leases, 0))
		weigh(p, PRESSURE_REFUSE, "ledger: no room", lag);
	if (intake_unadmitted(p->q->intake) > 0)
		weigh(p, PRESSURE_REFUSE, "records without room in the queues",
		    intake_unadmitted(p->q->intake));
}

static void
publish(struct gauge *p, enum pressure before, int64_t now_ms)
{
	struct str reason = outbuf_str(&p->reason);

	page_set_pressure(svc_page(p->q->svc), p->now, reason);
	if ((before == PRESSURE_REFUSE) == (p->now == PRESSURE_REFUSE))
		return;
	if (p->now == PRESSURE_REFUSE)
		LOG(EV_INTAKE_PAUSED, KV_STR("reason", reason));
	else
		LOG(EV_INTAKE_RESUMED,
		    KV_NUM("paused_ms", now_ms - p->since_ms));
	p->since_ms = now_ms;
}

void
gauge_tick(struct gauge *p, int64_t now_ms)
{
	enum pressure before = p->now;
	struct core_accounts a;

	if (now_ms < p->look_ms)
		return;
	p->look_ms = now_ms + GAUGE_LOOK_MS;
	p->now = PRESSURE_ACCEPT;
	p->reason.len = 0;
	weigh_disk(p);
	weigh_memory(p);
	weigh_ledger(p);
	publish(p, before, now_ms);
	core_accounts(p->q->core, &a);
	page_set_figure(svc_page(p->q->svc), a.admitted - a.done);
}

enum pressure
gauge_get(const struct gauge *p, struct str *reason)
{
	*reason = outbuf_str(&p->reason);
	return p->now;
}
