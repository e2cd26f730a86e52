/* SPDX-License-Identifier: BSD-2-Clause */
/* breaks: what breaks in the simulation: processes, power, peers, clocks. */
#ifndef TESTS_SIM_BREAKS_H
#define TESTS_SIM_BREAKS_H

#include "tests/sim/arrivals.h"

#define DAY_MS (INT64_C(24) * 3600000)

static void
compare_part(const struct part_state *was)
{
	struct part_state now;
	uint32_t part = 0;

	while ((part = core_find(sim.core, &was->qid, part)) != 0) {
		SIM_REQUIRE(core_part_get(sim.core, part, &now), "gone");
		if (now.part == was->part)
			break;
	}
	SIM_REQUIRE(part != 0, "Q11: a part is gone after a restart");
	SIM_REQUIRE(now.tries == was->tries && now.deaths == was->deaths &&
	        now.wants_delay == was->wants_delay,
	    "Q11: a count changed in a restart");
	SIM_REQUIRE((was->state == PART_HELD) == (now.state == PART_HELD) &&
	        now.order == was->order,
	    "Q8: what is held, or why, changed in a restart");
	SIM_REQUIRE(
	    memcmp(now.standing, was->standing, sizeof(now.standing)) == 0,
	    "Q11: a recipient changed in a restart");
	/* Due times are wall clock on disk: a jump shows in them. */
	if (sim.count.jumps == 0 && was->state == PART_WAITING &&
	    now.state == PART_WAITING)
		SIM_REQUIRE(now.due_ms >= was->due_ms - 1 &&
		        now.due_ms <= was->due_ms + PART_RCPTS_MAX * 2000,
		    "Q11: a due time changed in a restart");
}

/* A clean restart keeps everything; states are compared one by one. */
static void
compare(struct core *old)
{
	struct part_state was;

	for (uint32_t p = 0; (p = core_part_next(old, p)) != 0;) {
		SIM_REQUIRE(core_part_get(old, p, &was), "gone");
		compare_part(&was);
	}
	order_compare(old);
}

static void
begin_again(struct core *old)
{
	uint32_t parts_max = SIM_PARTS_MAX;

	sim.restarted_ms = sim.now_ms;
	new_core(parts_max);
	while (!replay()) {
		core_free(&sim.core);
		new_core(parts_max *= 2);
	}
	replay_files();
	while (core_restore_end(sim.core, replay_done(), 0))
		fetch();
	fetch();
	replay_scan();
	if (sim.is_ledger_failing)
		core_pause_leases(sim.core, STR("ledger"));
	if (old != NULL)
		compare(old);
	core_free(&old);
	if (sim.is_shaper_up)
		core_shaper_up(sim.core);
}

/* qmgr dies. What it had not written is gone, or just written, but no slot
 * cleared. Frames on their way are lost, or not. */
static void
kill_qmgr(bool is_clean)
{
	struct core *old;
	uint64_t n_flushes = sim.n_flushes;

	/* A clean stop needs a ledger. */
	is_clean = is_clean && !sim.is_ledger_failing;
	old = is_clean ? sim.core : NULL;
	sim_say("qmgr %s", is_clean ? "is restarted" : "dies");
	sim.count.restarts++;
	sim.doom_step = 0;
	sim.stirred_ms = sim.now_ms;
	if (is_clean)
		disk_flush(false);
	else if (!sim.is_ledger_failing && sim_chance(500000))
		disk_flush(true);
	if (!is_clean && sim_chance(50000))
		disk_pass_over();
	sim.n_pending = 0;
	for (uint32_t w = 0; w < SIM_WORKERS; w++) {
		sim.workers[w].is_known = false;
		for (uint32_t i = 0; i < SIM_SLOTS; i++) {
			struct sim_slot *s = &sim.workers[w].slots[i];

			if (s->is_on_way && slot_is_sent(s, n_flushes) &&
			    sim_chance(500000))
				s->is_held = true;
			s->is_on_way = false;
		}
	}
	if (!is_clean)
		core_free(&sim.core);
	begin_again(old);
}

static void
lose_power(void)
{
	sim_say("the power is lost");
	sim.count.power_losses++;
	sim.stirred_ms = sim.now_ms;
	for (uint32_t w = 0; w < SIM_WORKERS; w++) {
		for (uint32_t i = 0; i < SIM_SLOTS; i++) {
			struct sim_slot *s = &sim.workers[w].slots[i];
			struct sim_part *p = &sim.msgs[s->msg].parts[s->part];

			if (s->is_filled)
				sim_doubt(p);
			*s = (struct sim_slot){ .is_filled = false };
		}
		sim.workers[w].is_known = false;
		sim.workers[w].is_alive = false;
		sim.workers[w].back_ms = sim.now_ms + sim_below(2000);
	}
	for (uint32_t i = 0; i < SIM_CONNS; i++)
		sim.conns[i].phase = CONN_FREE;
	disk_lose();
	core_free(&sim.core);
	begin_again(NULL);
}

static void
change_mood(void)
{
	struct sim_provider *p = &sim.providers[sim_below(SIM_PROVIDERS + 1)];

	p->mood = (enum provider_mood)sim_below(MOOD_N);
	if (sim_chance(500000))
		p->mood = MOOD_WELL;
	p->bears = sim_chance(500000) ? SIM_CONNS : 1 + sim_below(6);
	sim_say("provider %u: mood %u, bears %u", (uint32_t)(p - sim.providers),
	    (uint32_t)p->mood, p->bears);
}

static void
jump(void)
{
	int64_t ms = (int64_t)sim_below((uint32_t)(2 * DAY_MS)) - DAY_MS;

	sim_say("the clock jumps by %lld s", (long long)ms / 1000);
	sim.wall_ms += ms;
	sim.count.jumps++;
}

static void
retry(void)
{
	struct order order = { .kind = ORDER_RETRY };
	uint64_t number;
	enum err err = core_order(sim.core, &order, &number);

	SIM_REQUIRE(err == ERR_OK || err == ERR_AGAIN, "no retry");
	sim.stirred_ms = sim.now_ms;
}

/* Whole again: what it missed is written, and a full checkpoint. */
static void
ledger_heal(void)
{
	if (!sim.is_ledger_failing)
		return;
	sim_say("the ledger can be written");
	sim.is_ledger_failing = false;
	core_pause_leases(sim.core, STR(""));
	disk_flush(false);
	fetch();
	if (!sim.is_checkpointing)
		checkpoint_begin();
}

static void
ledger_fail(void)
{
	sim_say("the ledger cannot be written");
	sim.is_ledger_failing = true;
	sim.count.ledger_faults++;
	core_pause_leases(sim.core, STR("ledger"));
}

static void
break_something(void)
{
	if (sim.is_ledger_failing && sim_chance(3000))
		ledger_heal();
	else if (!sim.is_ledger_failing && sim_chance(20))
		ledger_fail();
	if (sim.doom_step > 0 && history.step >= sim.doom_step)
		kill_qmgr(false);
	if (sim_chance(100))
		kill_qmgr(sim_chance(300000));
	if (sim_chance(10))
		lose_power();
	if (sim_chance(300))
		worker_die(sim_below(SIM_WORKERS));
	if (sim_chance(800))
		change_mood();
	/* Some runs have a steady clock, and look at times the closer. */
	if (history.run.seed % 2 == 1 && sim_chance(20))
		jump();
	if (sim_chance(100))
		retry();
	if (sim_chance(1000))
		order_give();
	if (sim_chance(200)) {
		sim.is_shaper_up = !sim.is_shaper_up;
		if (sim.is_shaper_up)
			core_shaper_up(sim.core);
		else
			core_shaper_down(sim.core);
	}
	if (sim_chance(50))
		core_shaper_stale(sim.core);
	if (sim_chance(20))
		core_reload(sim.core);
}

#endif /* TESTS_SIM_BREAKS_H */
