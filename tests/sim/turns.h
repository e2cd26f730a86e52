/* SPDX-License-Identifier: BSD-2-Clause */
/* turns: the simulated queue manager: a core, and who does what it wants. */
#ifndef TESTS_SIM_TURNS_H
#define TESTS_SIM_TURNS_H

#include "tests/sim/peers.h"

static void
queue_policy(
    void *ctx, const struct queue_key *key, struct core_queue_policy *policy)
{
	(void)ctx;
	*policy = (struct core_queue_policy){ .backoff = { .base_ms = 10000,
		                                  .cap_ms = 1200000,
		                                  .life_ms = SIM_LIFE_MS,
		                                  .jitter_pct = 10 },
		.delay_notice_ms = SIM_DELAY_MS,
		.weight = 1 };
	if (key->tenant.len == 2)
		policy->weight = (uint32_t)(key->tenant.ptr[1] - '0');
}

static void
site_policy(void *ctx, struct str source, struct str provider,
    struct core_site_policy *policy)
{
	(void)ctx;
	(void)source;
	(void)provider;
	*policy = (struct core_site_policy){ .idle_reuse_ms = 3000,
		.probe_max_ms = 60000,
		.attempt_ms = 120000,
		.open_ms = 30000,
		.floor = 2 };
}

static void
new_core(uint32_t parts_max)
{
	struct core_conf conf = { .parts_max = parts_max,
		.campaigns_max = 10,
		.conns_max = SIM_CONNS / 2,
		.ahead = SIM_AHEAD,
		.first_lease = 1,
		.first_conn = sim.next_conn += 1000,
		.notice_hosts = STR("ours"),
		.queue_policy = queue_policy,
		.site_policy = site_policy };

	sim.core = core_new(&conf);
	SIM_REQUIRE(sim.core != NULL, "no memory");
	core_turn(sim.core, sim.now_ms, sim.wall_ms);
}

/* --- actions -------------------------------------------------------------- */

static void
act(const struct core_action *a)
{
	struct sim_entry e = { .kind = ENTRY_PART, .part = a->part };

	history_note((uint64_t)a->act << 56 ^ (uint64_t)a->worker << 48 ^
	    (uint64_t)a->conn << 24 ^ a->slot);
	history_note(a->part.lease ^ (uint64_t)a->part.state << 56 ^
	    (uint64_t)a->part.due_ms);
	switch (a->act) {
	case CORE_LEASE:
		peer_lease(a);
		break;
	case CORE_OPEN:
		peer_open(a);
		break;
	case CORE_CLOSE:
		peer_close(a);
		break;
	case CORE_ROUTE_ASK:
		shaper_route(a);
		break;
	case CORE_GRANT_ASK:
		shaper_grant(a);
		break;
	case CORE_REMEMBER:
		order_check_change(&a->part);
		disk_remember(&e, &a->freed);
		break;
	case CORE_CLEAR:
		disk_clear(&a->freed);
		break;
	case CORE_KILL_WORKER:
		worker_die(a->worker);
		break;
	case CORE_ORDER:
		order_remember(a->order);
		break;
	case CORE_APPLIED:
		order_check_applied(a->order);
		if (a->order->kind == ORDER_RETRY)
			sim.count.retries += a->order->parts;
		break;
	case CORE_STUCK:
		sim_fail("Q3: a ready part waits for nothing");
	case CORE_NOTE:
		disk_note(&a->part);
		break;
	case CORE_FEEDBACK:
		break;
	}
}

static void
fetch(void)
{
	struct core_action a;

	while (core_action_next(sim.core, &a))
		act(&a);
}

static void
turn(void)
{
	core_turn(sim.core, sim.now_ms, sim.wall_ms);
	do
		fetch();
	while (core_tick(sim.core));
	do
		fetch();
	while (core_schedule(sim.core));
	fetch();
	history_note(history.rng);
	SIM_REQUIRE(core_audit(sim.core), "Q6: the accounts do not balance");
	SIM_REQUIRE(core_next_ms(sim.core) >= sim.now_ms &&
	        core_next_ms(sim.core) <= sim.now_ms + 1000,
	    "Q3: nothing wakes the queue manager in time");
}

#endif /* TESTS_SIM_TURNS_H */
