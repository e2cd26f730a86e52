/* SPDX-License-Identifier: BSD-2-Clause */
/* cmd_status: holdfast status: what runs, what it holds, is mail taken. */
#include <stdlib.h>
#include <string.h>

#include "ctl/ctl.h"
#include "ctl/status.h"
#include "util/base/array.h"
#include "util/io/clock.h"
#include "util/text/json.h"
#include "util/text/when.h"

/* All rows with their longest values. */
#define OUT_BYTES 1048576
#define MIB (UINT64_C(1) << 20)
#define US_PER_MS 1000
#define GIB (UINT64_C(1) << 30)

/* --- JSON ----------------------------------------------------------------- */

static void
json_count(struct json *j, struct str key, uint64_t n)
{
	json_key(j, key);
	json_u64(j, n);
}

static void
json_accepting(struct json *j, const struct status *s)
{
	json_key(j, STR("accepting"));
	if (s->is_running && s->has_accounts &&
	    s->accounts.pressure == PRESSURE_ACCEPT) {
		json_bool(j, true);
		return;
	}
	json_open_object(j);
	json_key(j, STR("reason"));
	json_str(j, str_from_c(s->reason));
	json_close_object(j);
}

/* Empty: null. */
static void
json_text(struct json *j, const char *text)
{
	if (text[0] == '\0')
		json_null(j);
	else
		json_str(j, str_from_c(text));
}

/* true, or why not; null: nothing runs. */
static void
json_separated(struct json *j, const struct status *s)
{
	json_key(j, STR("privileges_separated"));
	if (!s->is_running) {
		json_null(j);
		return;
	}
	if (s->unseparated[0] == '\0') {
		json_bool(j, true);
		return;
	}
	json_open_object(j);
	json_key(j, STR("reason"));
	json_str(j, str_from_c(s->unseparated));
	json_close_object(j);
}

static void
json_processes(struct json *j, const struct status *s)
{
	const struct status_row *row;
	uint32_t i;

	json_key(j, STR("processes"));
	json_open_array(j);
	for (i = 0; i < s->n; i++) {
		row = &s->rows[i];
		json_open_object(j);
		json_key(j, STR("name"));
		json_str(j, str_from_c(row->name));
		json_count(j, STR("pid"), row->process.pid);
		json_key(j, STR("state"));
		json_str(j, str_from_c(status_state_text(row->process.state)));
		json_count(j, STR("restarts"), row->process.restarts);
		json_count(j, STR("figure"), row->process.figure);
		json_count(j, STR("turn_max_us"), row->process.turn_us);
		json_count(
		    j, STR("turn_recent_us"), row->process.turn_recent_us);
		json_key(j, STR("trouble"));
		json_text(j, row->trouble);
		json_close_object(j);
	}
	json_close_array(j);
}

/* The pass that ended last, and how far the one is that is on. */
static void
json_pass(struct json *j, const struct msg_pass *now,
    const struct msg_pass *last, bool is_bytes)
{
	json_open_object(j);
	json_key(j, STR("running"));
	json_bool(j, now->is_on != 0);
	json_count(j, STR("segments_so_far"), now->segments);
	json_count(j, STR("records_so_far"), now->records);
	if (is_bytes)
		json_count(j, STR("bytes_so_far"), now->bytes);
	json_key(j, STR("ended_ms"));
	if (last->number == 0)
		json_null(j);
	else
		json_i64(j, last->ended_ms);
	json_key(j, STR("took_ms"));
	json_i64(j, last->took_ms);
	json_count(j, STR("segments"), last->segments);
	json_count(j, STR("records"), last->records);
	json_count(j, STR("unreadable"), last->unreadable);
	if (is_bytes) {
		json_count(j, STR("bytes"), last->bytes);
		json_count(j, STR("damaged"), last->bad);
	} else
		json_count(j, STR("foreign"), last->foreign);
	json_close_object(j);
}

static void
json_passes(struct json *j, const struct status *s)
{
	const struct passes *p = &s->passes;

	if (!s->has_passes)
		return;
	json_count(j, STR("byte_pass"), p->scan.byte_pass);
	json_key(j, STR("index"));
	json_pass(j, &p->index, &p->last_index, false);
	json_key(j, STR("bytes"));
	json_pass(j, &p->bytes, &p->last_bytes, true);
}

static void
json_accounts(struct json *j, const struct status *s)
{
	const struct msg_accounts *a = &s->accounts;

	json_key(j, STR("accounts"));
	json_open_object(j);
	json_count(j, STR("admitted"), a->admitted);
	json_count(j, STR("done"), a->done);
	json_count(j, STR("waiting"), a->waiting);
	json_count(j, STR("ready"), a->ready);
	json_count(j, STR("leased"), a->leased);
	json_count(j, STR("held"), a->held);
	json_count(j, STR("unadmitted"), a->unadmitted);
	json_count(j, STR("owed"), a->owed);
	json_key(j, STR("balanced"));
	json_bool(j, a->is_balanced != 0);
	json_close_object(j);
	json_key(j, STR("without_reason"));
	json_open_object(j);
	json_count(j, STR("parts"), a->stuck);
	json_key(j, STR("oldest_s"));
	json_i64(j, a->stuck_ms / 1000);
	json_count(j, STR("found"), a->stuck_found);
	json_close_object(j);
	json_count(j, STR("queued_messages"), a->messages);
	json_key(j, STR("scan"));
	json_open_object(j);
	json_count(j, STR("pass"), a->pass);
	json_count(j, STR("segments"), a->segments);
	json_count(j, STR("recovered"), a->recovered);
	json_count(j, STR("missing"), a->missing);
	json_count(j, STR("quarantined"), a->quarantined);
	json_passes(j, s);
	json_close_object(j);
}

/* The same members when nothing is known. */
static void
json_no_accounts(struct json *j)
{
	json_key(j, STR("accounts"));
	json_null(j);
	json_key(j, STR("without_reason"));
	json_null(j);
	json_key(j, STR("queued_messages"));
	json_null(j);
	json_key(j, STR("scan"));
	json_null(j);
}

static void
print_json(const struct status *s)
{
	struct outbuf out;
	struct json j;

	ctl_out_init(&out, OUT_BYTES);
	json_init(&j, &out);
	json_open_object(&j);
	json_key(&j, STR("node"));
	json_str(&j, str_from_c(s->node));
	json_key(&j, STR("ready"));
	json_bool(&j, s->is_ready);
	json_accepting(&j, s);
	json_separated(&j, s);
	json_processes(&j, s);
	if (s->has_accounts)
		json_accounts(&j, s);
	else
		json_no_accounts(&j);
	json_close_object(&j);
	ctl_must(json_end(&j), "output");
	ctl_must(outbuf_add(&out, STR("\n")), "output");
	ctl_out_print(&out);
	free(out.ptr);
}

/* --- text ----------------------------------------------------------------- */

/* Text into out; there is room for all that status prints. */
#define PUT(out, ...) ctl_must(outbuf_printf((out), __VA_ARGS__), "output")

static void
put_span(struct outbuf *out, int64_t span_ms)
{
	ctl_must(when_span(out, span_ms), "output");
}

static void
put_ago(struct outbuf *out, int64_t wall_ms)
{
	ctl_must(when_ago(out, clock_wall_ms() - wall_ms), "output");
}

static void
put_head(struct outbuf *out, const struct status *s)
{
	PUT(out, "holdfast %s", s->node);
	if (!s->is_running) {
		PUT(out, "  not running\n");
		return;
	}
	PUT(out, "  up ");
	put_span(out, clock_wall_ms() - s->instance.started_ms);
	PUT(out, "  config %u (loaded ", s->instance.generation);
	put_ago(out, s->instance.loaded_ms);
	PUT(out, ")");
	if (s->has_accounts) {
		PUT(out, "  spool %s, ",
		    s->accounts.pressure == PRESSURE_ACCEPT ? "OK"
		                                            : "under pressure");
		ctl_put_count(out, s->accounts.free_bytes / GIB);
		PUT(out, " GB free");
	}
	PUT(out, "\n");
}

static void
put_accepting(struct outbuf *out, const struct status *s)
{
	const char *word = "no";

	if (s->is_running && s->has_accounts) {
		if (s->accounts.pressure == PRESSURE_ACCEPT)
			word = "yes";
		if (s->accounts.pressure == PRESSURE_SLOW)
			word = "slow";
	}
	PUT(out, "accepting     %s", word);
	if (s->reason[0] != '\0')
		PUT(out, ": %s", s->reason);
	PUT(out, "\n");
}

/* What the one number of a program counts; NULL: it has none. */
static const char *
unit(const char *program)
{
	static const struct {
		const char *program, *unit;
	} units[] = {
		{ "smtpd", "sessions" },
		{ "qmgr", "parts" },
		{ "deliver", "connections" },
		{ "shaper", "routes" },
	};
	size_t i;

	for (i = 0; i < COUNT_OF(units); i++)
		if (strcmp(units[i].program, program) == 0)
			return units[i].unit;
	return NULL;
}

static void
put_row(struct outbuf *out, const struct status_row *row)
{
	const struct msg_process *p = &row->process;
	char bytes[WHEN_MAX_BYTES + OUTBUF_U64_BYTES];
	struct outbuf restarts = { bytes, 0, sizeof(bytes) };
	struct status_usage usage;

	PUT(&restarts, "%u", p->restarts);
	if (p->restarted_ms > 0 && p->restarts > 0) {
		PUT(&restarts, " (");
		put_ago(&restarts, p->restarted_ms);
		PUT(&restarts, ")");
	}
	status_usage(p->pid, &usage);
	PUT(out, "%-11s %-7u %-8s %-12.*s %3u%% %6llu MB %6llu ms", row->name,
	    p->pid, status_state_text(p->state), STR_ARG(outbuf_str(&restarts)),
	    usage.cpu_pct, (unsigned long long)(usage.memory_bytes / MIB),
	    (unsigned long long)(p->turn_recent_us / US_PER_MS));
	if (unit(row->program) != NULL) {
		PUT(out, "   ");
		ctl_put_count(out, p->figure);
		PUT(out, " %s", unit(row->program));
	}
	PUT(out, "\n");
}

/* Of one that is well again it is in the log. */
static void
put_trouble(struct outbuf *out, const struct status_row *row)
{
	if (row->trouble[0] != '\0' && row->process.state != PROCESS_OK)
		PUT(out, "            ended last by %s\n", row->trouble);
}

static void
put_privileges(struct outbuf *out, const struct status *s)
{
	if (!s->is_running)
		return;
	PUT(out, "privileges    ");
	if (s->unseparated[0] == '\0')
		PUT(out, "separated\n");
	else
		PUT(out, "not separated, all run as one user: %s\n",
		    s->unseparated);
}

static void
put_term(struct outbuf *out, const char *word, uint64_t n)
{
	PUT(out, "%s", word);
	ctl_put_count(out, n);
}

/* Q3: none, by design. */
static void
put_without_reason(struct outbuf *out, const struct msg_accounts *a)
{
	if (a->stuck == 0) {
		PUT(out, "none without a reason");
	} else {
		put_term(out, "PARTS WITHOUT A REASON ", a->stuck);
		PUT(out, ", the oldest for ");
		put_span(out, a->stuck_ms);
	}
	if (a->stuck_found > 0)
		put_term(out, "; found so far: ", a->stuck_found);
	PUT(out, "\n");
}

static void
put_accounts(struct outbuf *out, const struct msg_accounts *a)
{
	put_term(out, "accounts  admitted ", a->admitted);
	put_term(out, " = done ", a->done);
	put_term(out, " + waiting ", a->waiting);
	put_term(out, " + ready ", a->ready);
	put_term(out, " + leased ", a->leased);
	put_term(out, " + held ", a->held);
	PUT(out, "    (%s)\n", a->is_balanced ? "balanced" : "NOT BALANCED");
	if (a->unadmitted > 0)
		put_term(out, "          not admitted yet ", a->unadmitted);
	if (a->unadmitted > 0)
		PUT(out, " records\n");
	put_term(out, "queued    ", a->messages);
	PUT(out, " messages, ");
	put_without_reason(out, a);
	put_term(out, "scan      pass ", a->pass);
	put_term(out, ": ", a->segments);
	put_term(out, " segments, ", a->recovered);
	put_term(out, " recovered, ", a->missing);
	put_term(out, " missing, ", a->quarantined);
	PUT(out, " quarantined\n");
}

static void
put_pass(
    struct outbuf *out, const struct msg_pass *now, const struct msg_pass *last)
{
	if (last->number > 0) {
		PUT(out, "ended ");
		ctl_must(
		    when_span(out, clock_wall_ms() - last->ended_ms), "a time");
		PUT(out, " ago, took ");
		ctl_must(when_span(out, last->took_ms), "a time");
		put_term(out, ": ", last->records);
		PUT(out, " records");
	} else {
		PUT(out, "none has ended yet");
	}
	if (last->unreadable > 0)
		put_term(out, ", unreadable ", last->unreadable);
	if (last->foreign > 0)
		put_term(out, ", foreign ", last->foreign);
	if (last->bad > 0)
		put_term(out, ", damaged ", last->bad);
	if (now->is_on != 0)
		put_term(out, "; on: segment ", now->segments);
	PUT(out, "\n");
}

static void
put_passes(struct outbuf *out, const struct passes *p)
{
	PUT(out, "          ");
	put_pass(out, &p->index, &p->last_index);
	put_term(out, "bytes     pass ", p->scan.byte_pass);
	PUT(out, ": ");
	put_pass(out, &p->bytes, &p->last_bytes);
}

static void
print_text(const struct status *s)
{
	struct outbuf out;
	uint32_t i;

	ctl_out_init(&out, OUT_BYTES);
	put_head(&out, s);
	put_accepting(&out, s);
	put_privileges(&out, s);
	if (s->n > 0)
		PUT(&out,
		    "process     pid     state    restarts      cpu  "
		    "  memory      turn\n");
	for (i = 0; i < s->n; i++) {
		put_row(&out, &s->rows[i]);
		put_trouble(&out, &s->rows[i]);
	}
	if (s->has_accounts)
		put_accounts(&out, &s->accounts);
	if (s->has_passes)
		put_passes(&out, &s->passes);
	ctl_out_print(&out);
	free(out.ptr);
}

int
cmd_status(struct ctl *ctl)
{
	bool is_json = ctl_take_flag(ctl, "--json");
	static struct status status;

	ctl_check_args(ctl, 0, 0);
	status_gather(ctl, &status);
	if (is_json)
		print_json(&status);
	else
		print_text(&status);
	if (!status.is_running)
		return EXIT_TEMP;
	return status.is_ready ? CTL_FINE : CTL_FOUND;
}
