/* SPDX-License-Identifier: BSD-2-Clause */
/* cmd_rescan: holdfast rescan: a pass over the spool, now, and its findings. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl/ask.h"
#include "ctl/ctl.h"
#include "ctl/passes.h"
#include "util/io/clock.h"
#include "util/text/json.h"
#include "util/text/when.h"

#define OUT_BYTES 65536
/* Between two questions. */
#define LOOK_MS 100
/* A pass that did not get on for so long is not waited for. */
#define STALL_MS 60000

struct rescan {
	struct call call;
	struct passes passes;
	struct msg_scan before;
	bool wants_bytes;
	bool is_json;
	bool has_terminal;
};

/* --- waiting -------------------------------------------------------------- */

static void
ask(struct rescan *r, const struct msg_scan_ask *m)
{
	ask_renew(&r->call);
	ctl_must(passes_ask(&r->passes, &r->call, m),
	    "the queue manager's answer about its scan");
}

/* Something to read before it is asked for is the end of the connection. */
static void
pause_a_little(struct rescan *r)
{
	struct pollfd pfd = { .fd = r->call.fd, .events = POLLIN };

	if (poll(&pfd, 1, LOOK_MS) < 0 && errno != EINTR)
		ctl_die(EXIT_TEMP, "poll: %s", strerror(errno));
	if (pfd.revents != 0)
		ctl_die(EXIT_TEMP,
		    "the queue manager ended before the scan did; it begins "
		    "with one: see holdfast status");
}

static void
show(const struct rescan *r, const struct msg_pass *p)
{
	if (!r->has_terminal)
		return;
	(void)fprintf(stderr, "\r%s %llu of %llu segments, %llu records ",
	    p->is_bytes != 0 ? "bytes:" : "index:",
	    (unsigned long long)p->segments,
	    (unsigned long long)r->passes.scan.segments,
	    (unsigned long long)p->records);
}

/* Wants a pass, and waits for its end: as long as it gets on. */
static void
await_pass(struct rescan *r, bool is_bytes)
{
	struct msg_scan_ask want = { .wants_index = !is_bytes,
		.wants_bytes = is_bytes };
	const struct msg_scan_ask look = { 0 };
	const struct passes *p = &r->passes;
	const struct msg_pass *now = is_bytes ? &p->bytes : &p->index;
	const struct msg_pass *last =
	    is_bytes ? &p->last_bytes : &p->last_index;
	uint64_t number, done = 0, before = UINT64_MAX;
	int64_t stall_ms = 0;

	ask(r, &want);
	number = is_bytes ? p->scan.wanted_bytes : p->scan.wanted_index;
	while (last->number < number) {
		done = now->number + now->segments + now->records + now->bytes;
		if (done != before)
			stall_ms = clock_boot_ms() + STALL_MS;
		else if (clock_boot_ms() > stall_ms)
			ctl_die(EXIT_TEMP,
			    "the scan does not get on; the disk, or the queue "
			    "manager, has other things to do: see the log");
		before = done;
		show(r, now);
		pause_a_little(r);
		ask(r, &look);
	}
	if (r->has_terminal)
		(void)fprintf(stderr, "\r\033[K");
}

/* --- what was found ------------------------------------------------------- */

static bool
has_failed(const struct rescan *r)
{
	return r->passes.last_index.has_failed != 0;
}

static uint64_t
recovered(const struct rescan *r)
{
	return r->passes.scan.recovered - r->before.recovered;
}

static uint64_t
quarantined(const struct rescan *r)
{
	return r->passes.scan.quarantined - r->before.quarantined;
}

/* Of both passes the one that could read less. */
static uint64_t
unreadable(const struct rescan *r)
{
	uint64_t index = r->passes.last_index.unreadable;
	uint64_t bytes = r->wants_bytes ? r->passes.last_bytes.unreadable : 0;

	return bytes > index ? bytes : index;
}

static uint64_t
bad(const struct rescan *r)
{
	return r->wants_bytes ? r->passes.last_bytes.bad : 0;
}

static bool
is_clean(const struct rescan *r)
{
	return !has_failed(r) && recovered(r) == 0 && quarantined(r) == 0 &&
	    r->passes.scan.missing == 0 && unreadable(r) == 0 && bad(r) == 0 &&
	    r->passes.last_index.foreign == 0;
}

static void
json_count(struct json *j, struct str key, uint64_t n)
{
	json_key(j, key);
	json_u64(j, n);
}

static void
json_bytes(struct json *j, const struct rescan *r)
{
	const struct msg_pass *p = &r->passes.last_bytes;

	json_key(j, STR("bytes"));
	if (!r->wants_bytes) {
		json_null(j);
		return;
	}
	json_open_object(j);
	json_count(j, STR("records"), p->records);
	json_count(j, STR("bytes"), p->bytes);
	json_count(j, STR("damaged"), p->bad);
	json_key(j, STR("took_ms"));
	json_i64(j, p->took_ms);
	json_close_object(j);
}

static void
print_json(const struct rescan *r)
{
	const struct msg_pass *p = &r->passes.last_index;
	struct outbuf out;
	struct json j;

	ctl_out_init(&out, OUT_BYTES);
	json_init(&j, &out);
	json_open_object(&j);
	json_key(&j, STR("clean"));
	json_bool(&j, is_clean(r));
	json_key(&j, STR("whole"));
	json_bool(&j, !has_failed(r));
	json_count(&j, STR("segments"), p->segments);
	json_count(&j, STR("records"), p->records);
	json_key(&j, STR("took_ms"));
	json_i64(&j, p->took_ms);
	json_count(&j, STR("recovered"), recovered(r));
	json_count(&j, STR("missing"), r->passes.scan.missing);
	json_count(&j, STR("quarantined"), quarantined(r));
	json_count(&j, STR("unreadable"), unreadable(r));
	json_count(&j, STR("foreign"), p->foreign);
	json_bytes(&j, r);
	json_close_object(&j);
	ctl_must(json_end(&j), "output");
	ctl_must(outbuf_add(&out, STR("\n")), "output");
	ctl_out_print(&out);
	free(out.ptr);
}

static void
put_finding(
    struct outbuf *out, const char *what, uint64_t n, const char *advice)
{
	if (n == 0)
		return;
	ctl_put_count(out, n);
	ctl_must(outbuf_printf(out, " %s: %s\n", what, advice), "output");
}

static void
put_pass(struct outbuf *out, const struct msg_pass *p)
{
	outbuf_put(out, p->is_bytes != 0 ? STR("bytes  ") : STR("index  "));
	ctl_put_count(out, p->segments);
	outbuf_put(out, STR(" segments, "));
	ctl_put_count(out, p->records);
	outbuf_put(out, STR(" records"));
	if (p->is_bytes != 0) {
		outbuf_put(out, STR(", "));
		ctl_put_count(out, p->bytes);
		outbuf_put(out, STR(" bytes"));
	}
	outbuf_put(out, STR(" in "));
	ctl_must(when_span(out, p->took_ms), "a time");
	outbuf_putc(out, '\n');
}

static void
print_text(const struct rescan *r)
{
	struct outbuf out;

	ctl_out_init(&out, OUT_BYTES);
	if (r->wants_bytes)
		put_pass(&out, &r->passes.last_bytes);
	put_pass(&out, &r->passes.last_index);
	if (has_failed(r))
		outbuf_put(
		    &out, STR("A directory could not be read: see the log.\n"));
	put_finding(&out, "recovered", recovered(r),
	    "nobody had announced them; they are queued now");
	put_finding(&out, "missing", r->passes.scan.missing,
	    "they are held: holdfast queue --missing");
	put_finding(&out, "damaged", bad(r), "they are held: holdfast mailq");
	put_finding(&out, "quarantined", quarantined(r),
	    "see the .why files in spool/quarantine");
	put_finding(&out, "unreadable", unreadable(r),
	    "segments; they are tried again: see the log");
	put_finding(&out, "foreign", r->passes.last_index.foreign,
	    "files that are none of ours, or in the way: see the log");
	if (is_clean(r))
		outbuf_put(&out, STR("All is as it should be.\n"));
	ctl_out_print(&out);
	free(out.ptr);
}

int
cmd_rescan(struct ctl *ctl)
{
	struct rescan r = { .wants_bytes = ctl_take_flag(ctl, "--bytes"),
		.is_json = ctl_take_flag(ctl, "--json"),
		.has_terminal = isatty(STDERR_FILENO) == 1 };
	const struct msg_scan_ask look = { 0 };

	ctl_check_args(ctl, 0, 0);
	ctl_must_connect(ctl, "qmgr", &r.call);
	ask(&r, &look);
	r.before = r.passes.scan;
	/* The index pass reads whole what the byte pass found damaged. */
	if (r.wants_bytes)
		await_pass(&r, true);
	await_pass(&r, false);
	call_fini(&r.call);
	if (r.is_json)
		print_json(&r);
	else
		print_text(&r);
	return is_clean(&r) ? CTL_FINE : CTL_FOUND;
}
