/* SPDX-License-Identifier: BSD-2-Clause */
/* start: the order of a start, which makes it safe. */
#include "qmgr/start.h"

#include <stdio.h>
#include <stdlib.h>

#include "qmgr/balance.h"
#include "qmgr/control.h"
#include "qmgr/gauge.h"
#include "qmgr/intake.h"
#include "qmgr/lease.h"
#include "qmgr/notices.h"
#include "qmgr/peers.h"
#include "qmgr/policy.h"
#include "qmgr/qmgr_int.h"
#include "qmgr/replay.h"
#include "qmgr/shaper.h"
#include "qmgr/stop.h"
#include "qmgr/turn.h"
#include "qmgr/worker.h"
#include "util/base/fatal.h"
#include "util/base/rand.h"
#include "util/base/slab.h"
#include "util/conf/conf.h"
#include "util/log/log.h"
#include "util/proto/messages.h"

/* DESIGN 5: a header must not make a queue for each message. */
#define CAMPAIGNS_MAX 1000
#define CONNS_MAX 65536
/* Leases at one connection, so that it never waits for us. */
#define AHEAD 2
/* Leases that may have been given since the last AUDIT was written: it is
 * written several times a second. */
#define LEASE_MARGIN 1000000
#define NOTICE_ADDRESS_BYTES 255

/* --- what the ledger and the store ask us --------------------------------- */

static void
on_audit(void *arg, struct entry_audit *audit)
{
	struct qmgr *q = arg;

	balance_fill(q->core, audit);
	audit->unadmitted = intake_unadmitted(q->intake);
	balance_look(q);
}

static void
on_freed(void *arg, const struct core_freed *freed)
{
	struct qmgr *q = arg;

	turn_begin(q);
	lease_freed(q, freed);
	turn_act(q);
}

static void
on_written(void *arg, uint64_t first, uint64_t last, struct ledger_pos pos)
{
	struct qmgr *q = arg;

	notices_written(q->notices, first, last, pos);
}

static void
on_synced(void *arg, uint64_t seq)
{
	struct qmgr *q = arg;

	notices_synced(q->notices, seq);
}

/* Leases are paused or given again at the turn's end. */
static void
on_journal_state(void *arg, struct str reason)
{
	struct qmgr *q = arg;

	(void)reason;
	turn_begin(q);
}

static struct page *
on_smtpd_page(void *arg, uint32_t writer)
{
	struct qmgr *q = arg;

	return writer <= SVC_WORKERS_MAX ? q->smtpd_pages[writer] : NULL;
}

static enum err
on_found(void *arg, uint64_t segment, uint32_t block, struct str front)
{
	return intake_front(arg, segment, block, front);
}

static bool
on_is_unadmitted(void *arg, uint64_t segment, uint32_t block)
{
	struct qmgr *q = arg;

	return intake_is_unadmitted(q->intake, segment, block);
}

static bool
on_lost(void *arg, uint32_t part, enum part_cause cause)
{
	struct qmgr *q = arg;
	bool is_news;

	turn_begin(q);
	is_news = core_part_lost(q->core, part, cause);
	turn_act(q);
	return is_news;
}

static void
on_back(void *arg, uint32_t part)
{
	struct qmgr *q = arg;

	turn_begin(q);
	(void)core_part_found(q->core, part);
	turn_act(q);
}

static void
on_checkpoint(void *arg, bool is_ok)
{
	stop_checkpointed(arg, is_ok);
}

/* --- parts of the start --------------------------------------------------- */

static void
map_pages(struct qmgr *q)
{
	for (uint32_t i = 1; i <= SVC_WORKERS_MAX; i++) {
		int fd = svc_fd(q->svc, HAND_PAGE_SMTPD, i);

		if (fd >= 0 &&
		    page_map(&q->smtpd_pages[i], fd, false) != ERR_OK)
			fatal(
			    "the status page of smtpd/%u cannot be mapped", i);
	}
}

static void
fail_replay(enum err err)
{
	if (err == ERR_OK)
		return;
	if (err == ERR_RANGE)
		fatal_conf("the spool was written by a newer version: "
		           "install that version, or restore its spool");
	fatal("the ledger cannot be read: %s; see the log, and start again",
	    err_text(err));
}

/* Where our own smtpd takes notices, as a list of hosts. */
static struct str
notice_hosts(const struct qmgr *q, struct outbuf *out)
{
	char address[NOTICE_ADDRESS_BYTES];
	int n = snprintf(
	    address, sizeof(address), "unix:%s/notice", svc_run_dir(q->svc));
	struct msg_host host = { .name = STR("notice") };

	if (n < 0 || (size_t)n >= sizeof(address))
		fatal_conf("state_dir: its name is too long for a socket");
	host.address = (struct str){ address, (size_t)n };
	if (msg_host_list_put(out, &host) != ERR_OK)
		fatal_conf("state_dir: its name is too long for a socket");
	return outbuf_str(out);
}

static void
new_core(struct qmgr *q)
{
	char hosts[2 * NOTICE_ADDRESS_BYTES];
	struct outbuf out = { hosts, 0, sizeof(hosts) };
	struct core_conf conf = {
		/* The budget refuses new mail (gauge.c); what is queued must
		 * fit, whatever was configured since. */
		.parts_max = SLAB_ITEMS_MAX,
		.campaigns_max = CAMPAIGNS_MAX,
		.conns_max = CONNS_MAX,
		.ahead = AHEAD,
		.first_lease = 1, /* core_restore_end() has the right one */
		.first_conn = (uint32_t)rand_u64() | 1,
		.notice_hosts = notice_hosts(q, &out),
		.queue_policy = policy_queue,
		.site_policy = policy_site,
		.ctx = q,
	};

	q->core = core_new(&conf);
	if (q->core == NULL)
		fatal("no memory for the queues");
	core_turn(q->core, loop_now_ms(q->loop), loop_wall_ms(q->loop));
}

/* Slots first, since they outlived us; then the ledger, which tells whose
 * results are in. */
static void
restore(struct qmgr *q, struct replay *replay)
{
	int ledger_fd = svc_fd(q->svc, HAND_LEDGER, 0);

	new_core(q);
	worker_init_all(q);
	worker_restore_slots(q);
	q->notices = notices_new(ledger_fd);
	fail_replay(replay_run(replay, q->core, q->notices, ledger_fd));
	LOG(EV_REPLAYED, KV_NUM("checkpoint", replay->checkpoint),
	    KV_NUM("entries", replay->entries), KV_NUM("parts", replay->parts),
	    KV_NUM("slots", q->n_leases));
}

static void
new_journal(struct qmgr *q, const struct replay *replay)
{
	struct journal_conf conf = {
		.loop = q->loop,
		.ledger_fd = svc_fd(q->svc, HAND_LEDGER, 0),
		.next_file = replay->next_file,
		.next_seq = replay->next_seq,
		.next_event = replay->next_event,
		.sums = { replay->messages_done + replay->messages,
		    replay->messages_done, replay->done + replay->live,
		    replay->done },
		.audit = on_audit,
		.freed = on_freed,
		.written = on_written,
		.synced = on_synced,
		.state = on_journal_state,
		.arg = q,
	};

	q->journal = journal_new(&conf);
}

static void
new_checkpoint(struct qmgr *q, const struct replay *replay)
{
	struct checkpoint_conf conf = {
		.loop = q->loop,
		.core = q->core,
		.journal = q->journal,
		.store = q->store,
		.notices = q->notices,
		.ledger_fd = svc_fd(q->svc, HAND_LEDGER, 0),
		.next_number = replay->next_checkpoint,
		.last_number = replay->checkpoint,
		.last_begin = replay->checkpoint_begin,
		.last_bytes = replay->checkpoint_bytes,
		.done = on_checkpoint,
		.arg = q,
	};

	q->checkpoint = checkpoint_new(&conf);
}

static void
new_store(struct qmgr *q)
{
	struct store_conf conf = {
		.loop = q->loop,
		.core = q->core,
		.journal = q->journal,
		.incoming_fd = svc_fd(q->svc, HAND_INCOMING, 0),
		.deferred_fd = svc_fd(q->svc, HAND_DEFERRED, 0),
		.quarantine_fd = svc_fd(q->svc, HAND_QUARANTINE, 0),
		.ledger_fd = svc_fd(q->svc, HAND_LEDGER, 0),
		.scan_ms = STORE_SCAN_MS,
		.scan_cycle_ms = svc_conf(q->svc)->spool.scan_cycle_ms,
		.scan_bandwidth = svc_conf(q->svc)->spool.scan_bandwidth_bytes,
		.smtpd_page = on_smtpd_page,
		.found = on_found,
		.is_unadmitted = on_is_unadmitted,
		.lost = on_lost,
		.back = on_back,
		.arg = q,
	};

	q->store = store_new(&conf);
}

void
start_service(struct svc *svc)
{
	struct qmgr *q = calloc(1, sizeof(*q));
	struct replay replay;

	if (q == NULL)
		fatal("no memory to begin with");
	q->svc = svc;
	q->loop = svc_loop(svc);
	svc_set_state(svc, q);
	list_init(&q->peers);
	list_init(&q->kept);
	list_init(&q->orders);
	map_pages(q);
	q->intake = intake_new(q);
	q->gauge = gauge_new(q);
	restore(q, &replay);
	new_journal(q, &replay);
	new_store(q);
	new_checkpoint(q, &replay);
	stop_init(q);
	turn_init(q);
	core_restore_messages(q->core, replay.messages_done);
	while (core_restore_end(
	    q->core, replay.done, replay.last_lease + LEASE_MARGIN))
		turn_act(q);
	turn_act(q);
	notices_prune(q->notices, q->core);
	intake_begin(q->intake);
	if (replay.is_unbalanced)
		(void)store_rescan(q->store);
	shaper_init(q);
	peers_init(q);
	svc_ready(svc);
}

void
start_reload(struct svc *svc)
{
	struct qmgr *q = svc_get_state(svc);

	gauge_reload(q->gauge);
	turn_begin(q);
	core_reload(q->core);
	turn_act(q);
}

void
start_stop(struct svc *svc)
{
	stop_begin(svc_get_state(svc));
}
