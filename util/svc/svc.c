/* SPDX-License-Identifier: BSD-2-Clause */
/* svc: the skeleton of every daemon: from its start by master to its end. */
#include "util/svc/svc.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/base/array.h"
#include "util/base/fatal.h"
#include "util/conf/conf.h"
#include "util/io/loop.h"
#include "util/io/sys.h"
#include "util/log/log.h"
#include "util/proto/chan.h"
#include "util/spool/disk.h"
#include "util/svc/confs.h"
#include "util/svc/hands.h"
#include "util/svc/page.h"
#include "util/svc/priv.h"
#include "util/svc/sandbox.h"
#include "util/text/num.h"

#define RUN_DIR_MAX_BYTES 4096
#define IDENT_MAX_BYTES 48
#define VARIABLE_MAX_BYTES 64
/* What is wrong in a configuration; master has told all of it before. */
#define CONF_TEXT_BYTES 1024
/* READY and KILL_WORKER are all that is sent. */
#define OUT_MAX_BYTES (256 * 1024)
#define STATM_MAX_BYTES 128
/* A turn that takes longer is told of, once in so long. */
#define TURN_LONG_US 100000
#define TURN_TELL_MS 60000
/* Of a frame with what fatal() says at most. */
#define LAST_WORDS_MAX_BYTES 1100

/*
 * NEW -> STARTED by START; NEW, STARTED -> STOPPING by the end of file.
 * ops->start is called on the first move, ops->stop from STARTED on the second.
 */
enum phase { PHASE_NEW, PHASE_STARTED, PHASE_STOPPING };

struct svc {
	const struct svc_ops *ops;
	void *state;
	struct loop *loop;
	struct chan *master; /* NULL once it has ended */
	enum phase phase;
	bool is_ready;
	bool is_reload_due; /* it came before we were ready */
	uint32_t due_generation;
	struct hands hands;
	struct hands fresh; /* what came since START or the last RELOAD */
	struct hands due;   /* of the reload that is due */
	struct turn_end reload;
	struct confs confs;
	struct page *page;
	struct timer beat;
	struct timer grace;
	uint32_t index;
	uint32_t spawn;
	uint32_t generation;
	uint32_t smtpd_uid, deliver_uid;
	int statm_fd;
	int64_t turn_told_ms; /* no long turn is told before */
	char ident[IDENT_MAX_BYTES];
	char run_dir[RUN_DIR_MAX_BYTES + 1];
};

/* --- heartbeat ------------------------------------------------------------ */

/* Anonymous memory: resident less shared, of "size resident shared ..." in
 * pages. What cannot be read counts as 0: a figure for a budget. */
static uint64_t
held_bytes(int statm_fd)
{
	char text[STATM_MAX_BYTES];
	ssize_t n = pread(statm_fd, text, sizeof(text), 0);
	uint64_t resident, shared;
	struct str rest;

	if (n <= 0)
		return 0;
	rest = (struct str){ text, (size_t)n };
	(void)str_take_field(&rest, ' ');
	if (num_u64(str_take_field(&rest, ' '), UINT32_MAX, &resident) !=
	    ERR_OK)
		return 0;
	if (num_u64(str_take_field(&rest, ' '), resident, &shared) != ERR_OK)
		return 0;
	return (resident - shared) * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* A turn that was too long is told once a minute at most. */
static void
tell_turns(struct svc *svc, int64_t now_ms)
{
	struct loop_turns turns = loop_turns(svc->loop);

	page_set_turns(
	    svc->page, (uint64_t)turns.longest_us, (uint64_t)turns.recent_us);
	if (turns.recent_us <= TURN_LONG_US || now_ms < svc->turn_told_ms)
		return;
	svc->turn_told_ms = now_ms + TURN_TELL_MS;
	LOG(EV_TURN_LONG, KV_NUM("took_ms", turns.recent_us / 1000));
}

static void
beat(void *arg)
{
	struct svc *svc = arg;
	int64_t now_ms = loop_now_ms(svc->loop);

	tell_turns(svc, now_ms);
	page_beat(svc->page, now_ms);
	page_set_held_bytes(svc->page, held_bytes(svc->statm_fd));
	timer_set_at(&svc->beat, now_ms + SVC_HEARTBEAT_MS);
}

/* --- start ---------------------------------------------------------------- */

static fatal_sink_fn *log_sink;

/* What fatal() says goes to master too, which shows it. The process is about to
 * end: master takes it now or never, and no buffer is trusted any more. */
static void
last_words(const char *line)
{
	struct msg_last_words words = { .text = str_from_c(line) };
	char bytes[LAST_WORDS_MAX_BYTES];
	struct outbuf out = { bytes, 0, sizeof(bytes) };

	log_sink(line);
	if (frame_put(&out, MSG_LAST_WORDS, &words) == ERR_OK)
		(void)send(
		    SVC_FD, out.ptr, out.len, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void
begin_log(struct svc *svc, const struct msg_start *start)
{
	struct log_conf conf = { .ident = svc->ident,
		.is_foreground = start->is_foreground != 0 };

	(void)snprintf(svc->ident, sizeof(svc->ident), "holdfast/%s-%u",
	    svc->ops->name, start->index);
	log_init(&conf);
	log_sink = fatal_get_sink();
	fatal_set_sink(last_words);
}

static void
begin_conf(struct svc *svc)
{
	char bytes[CONF_TEXT_BYTES];
	struct outbuf text = { bytes, 0, sizeof(bytes) };
	struct conf *conf;
	enum err err;

	err = confs_read(hands_fd(&svc->hands, HAND_CONF, 0), &conf, &text);
	if (err == ERR_IO)
		fatal("%.*s", STR_ARG(outbuf_str(&text)));
	if (err != ERR_OK)
		fatal_conf("%.*s", STR_ARG(outbuf_str(&text)));
	confs_put(&svc->confs, conf);
	log_set_level(conf->main.log_level);
}

static void
begin_page(struct svc *svc)
{
	int fd = hands_fd(&svc->hands, HAND_PAGE, 0);

	if (page_map(&svc->page, fd, true) != ERR_OK)
		fatal("status page: %s", strerror(errno));
	page_begin(svc->page, (uint32_t)getpid(), loop_now_ms(svc->loop));
	svc->statm_fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
	timer_init(&svc->beat, svc->loop, beat, svc);
	beat(svc);
}

/* Who it is first, what it may do then: a filter would forbid the change of
 * user. What is opened and mapped by now is all that root's rights give. */
static void
begin_privileges(const struct msg_start *start)
{
	struct priv_user user = { start->uid, start->gid };

	priv_raise_files();
	/* qmgr ends what an smtpd began: by their group. */
	(void)umask(start->is_separated ? 007 : 077);
	if (priv_drop(&user) != ERR_OK)
		fatal("cannot become user %u, group %u: %s", user.uid, user.gid,
		    strerror(errno));
}

/* What works without, but not as well: it is told, and goes on. */
static void
begin_sandbox(struct svc *svc)
{
	int dir_fd = hands_fd(&svc->hands, HAND_INCOMING, 0);
	enum err err = sandbox_enter(
	    svc->ops->name, dir_fd >= 0 && disk_needs_names(dir_fd));

	BUG_IF(err == ERR_NOTFOUND);
	if (err != ERR_OK)
		LOG(EV_SANDBOX_OFF, KV_CSTR("name", svc->ops->name),
		    KV_CSTR("error", strerror(errno)));
}

static enum err
on_start(struct svc *svc, struct frame *f)
{
	struct msg_start start;
	enum err err = msg_start_decode(&start, f->body);

	if (err != ERR_OK)
		return err;
	if (svc->phase != PHASE_NEW ||
	    !str_eq(start.name, str_from_c(svc->ops->name)))
		return ERR_PROTO;
	svc->phase = PHASE_STARTED;
	svc->index = start.index;
	svc->spawn = start.spawn;
	svc->generation = start.generation;
	svc->smtpd_uid = start.smtpd_uid;
	svc->deliver_uid = start.deliver_uid;
	memcpy(svc->run_dir, start.run_dir.ptr, start.run_dir.len);
	svc->run_dir[start.run_dir.len] = '\0';
	svc->hands = svc->fresh;
	hands_init(&svc->fresh);
	begin_log(svc, &start);
	begin_conf(svc);
	begin_page(svc);
	begin_privileges(&start);
	begin_sandbox(svc);
	svc->ops->start(svc);
	return ERR_OK;
}

/* --- reload --------------------------------------------------------------- */

/* Puts the configuration that is due in force. Anything against it is logged,
 * and what was in force stays so. */
static enum err
take_conf(struct svc *svc)
{
	char bytes[CONF_TEXT_BYTES];
	struct outbuf text = { bytes, 0, sizeof(bytes) };
	struct conf *conf = NULL;
	enum err err;

	if (!confs_has_room(&svc->confs)) {
		LOG(EV_CONFIG_ERROR,
		    KV_CSTR("msg", "too many old configurations in use"));
		return ERR_FULL;
	}
	err = confs_read(hands_fd(&svc->due, HAND_CONF, 0), &conf, &text);
	if (err == ERR_OK)
		err = hands_exchange(&svc->hands, &svc->due);
	if (err != ERR_OK) {
		LOG(EV_CONFIG_ERROR, KV_STR("msg", outbuf_str(&text)));
		conf_free(&conf);
		return err;
	}
	confs_put(&svc->confs, conf);
	log_set_level(conf->main.log_level);
	svc->ops->reload(svc);
	confs_sweep(&svc->confs);
	return ERR_OK;
}

static void
send_ready(struct svc *svc)
{
	struct msg_ready ready = { .generation = svc->generation };

	if (svc->master == NULL)
		return;
	if (chan_send_ready(svc->master, &ready) != ERR_OK)
		LOG(EV_PEER_SLOW, KV_CSTR("peer", "master"));
}

/* At the end of a turn, so that ops->reload is never called within another
 * call of the program. */
static void
reload_now(void *arg)
{
	struct svc *svc = arg;

	if (!svc->is_ready || !svc->is_reload_due ||
	    svc->phase != PHASE_STARTED)
		return;
	svc->is_reload_due = false;
	if (take_conf(svc) == ERR_OK)
		svc->generation = svc->due_generation;
	hands_fini(&svc->due);
	send_ready(svc);
}

/* A later reload takes the place of one that is still due. */
static enum err
on_reload(struct svc *svc, struct frame *f)
{
	struct msg_reload reload;
	enum err err = msg_reload_decode(&reload, f->body);

	if (err != ERR_OK)
		return err;
	if (svc->phase != PHASE_STARTED)
		return ERR_PROTO;
	hands_fini(&svc->due);
	svc->due = svc->fresh;
	hands_init(&svc->fresh);
	svc->due_generation = reload.generation;
	svc->is_reload_due = true;
	turn_end_ask(&svc->reload);
	return ERR_OK;
}

/* --- master --------------------------------------------------------------- */

static enum err
on_hand(struct svc *svc, struct frame *f)
{
	struct msg_hand hand;
	enum err err = msg_hand_decode(&hand, f->body);
	int fd;

	if (err != ERR_OK)
		return err;
	fd = frame_take_fd(f, 0);
	err = hands_add(
	    &svc->fresh, (enum hand_kind)hand.kind, hand.index, hand.text, fd);
	if (err != ERR_OK)
		(void)close(fd);
	return err;
}

static enum err
on_frame(void *arg, struct frame *f)
{
	struct svc *svc = arg;

	if (f->type == MSG_HAND)
		return on_hand(svc, f);
	if (f->type == MSG_START)
		return on_start(svc, f);
	if (f->type == MSG_RELOAD)
		return on_reload(svc, f);
	return ERR_PROTO;
}

/* Not by way of exit(): what is still in hand has no order to be undone in,
 * and the spool needs none. */
static void
grace_is_over(void *arg)
{
	struct svc *svc = arg;

	LOG(EV_PROCESS_KILLED, KV_CSTR("name", svc->ops->name),
	    KV_NUM("index", svc->index), KV_NUM("pid", getpid()),
	    KV_CSTR("reason", "stop_grace is over"));
	_exit(0);
}

static void
begin_stop(struct svc *svc)
{
	bool was_started = svc->phase == PHASE_STARTED;

	svc->phase = PHASE_STOPPING;
	if (!was_started) {
		svc_done(svc);
		return;
	}
	timer_set_at(&svc->grace,
	    loop_now_ms(svc->loop) +
	        confs_current(&svc->confs)->main.stop_grace_ms +
	        svc->ops->grace_more_ms);
	svc->ops->stop(svc);
}

/* Whatever ended it: without master there is nobody to work for. */
static void
on_close(void *arg, enum err why, const char *text)
{
	struct svc *svc = arg;

	if (why != ERR_EOF)
		LOG(EV_PEER_LOST, KV_CSTR("peer", "master"),
		    KV_CSTR("error", err_text(why)), KV_CSTR("msg", text));
	chan_free(&svc->master);
	begin_stop(svc);
}

/* --- the process ---------------------------------------------------------- */

/* Faults of tests: HOLDFAST_FAULT_qmgr for one program, HOLDFAST_FAULT for
 * those that have none of their own. */
static void
arm_faults(const struct svc_ops *ops)
{
	char variable[VARIABLE_MAX_BYTES];
	const char *spec;

	(void)snprintf(
	    variable, sizeof(variable), "HOLDFAST_FAULT_%s", ops->name);
	spec = getenv(variable);
	if (spec == NULL)
		spec = getenv("HOLDFAST_FAULT");
	if (sys_fault_init(spec) != ERR_OK)
		fatal_conf("%s=%s: no list of faults", variable, spec);
}

/* What the terminal or init sends to all processes at once is for master. */
static void
ignore_signals(void)
{
	static const int ignored[] = { SIGHUP, SIGINT, SIGTERM };
	struct sigaction sa = { .sa_handler = SIG_IGN };
	size_t i;

	for (i = 0; i < COUNT_OF(ignored); i++)
		(void)sigaction(ignored[i], &sa, NULL);
}

static void
check_pair(const struct svc_ops *ops)
{
	struct stat st;
	int flags = fcntl(SVC_FD, F_GETFL);

	if (flags < 0 || fstat(SVC_FD, &st) != 0 || !S_ISSOCK(st.st_mode))
		fatal_conf("%s is started by the master; "
		           "use: holdfast start",
		    ops->name);
	if (fcntl(SVC_FD, F_SETFL, flags | O_NONBLOCK) != 0 ||
	    fcntl(SVC_FD, F_SETFD, FD_CLOEXEC) != 0)
		fatal("status pair: %s", strerror(errno));
}

static void
svc_fini(struct svc *svc)
{
	chan_free(&svc->master);
	if (svc->page != NULL)
		timer_fini(&svc->beat);
	timer_fini(&svc->grace);
	turn_end_fini(&svc->reload);
	loop_free(&svc->loop);
	page_free(&svc->page);
	if (svc->statm_fd >= 0)
		(void)close(svc->statm_fd);
	confs_fini(&svc->confs);
	hands_fini(&svc->hands);
	hands_fini(&svc->fresh);
	hands_fini(&svc->due);
}

int
svc_main(const struct svc_ops *ops, int argc, char **argv)
{
	static struct svc svc;
	struct chan_conf conf = { .on_frame = on_frame,
		.on_close = on_close,
		.arg = &svc,
		.out_max_bytes = OUT_MAX_BYTES };

	if (argc > 1)
		fatal_conf("%s: %s: takes no arguments", ops->name, argv[1]);
	check_pair(ops);
	ignore_signals();
	arm_faults(ops);
	svc = (struct svc){ .ops = ops, .statm_fd = -1 };
	confs_init(&svc.confs);
	hands_init(&svc.hands);
	hands_init(&svc.fresh);
	hands_init(&svc.due);
	svc.loop = loop_new();
	timer_init(&svc.grace, svc.loop, grace_is_over, &svc);
	turn_end_init(&svc.reload, svc.loop, reload_now, &svc);
	svc.master = chan_new(svc.loop, SVC_FD, &conf);
	loop_run(svc.loop);
	svc_fini(&svc);
	return 0;
}

void
svc_ready(struct svc *svc)
{
	BUG_IF(svc->is_ready);
	svc->is_ready = true;
	send_ready(svc);
	turn_end_ask(&svc->reload);
}

void
svc_done(struct svc *svc)
{
	timer_stop(&svc->grace);
	loop_stop(svc->loop);
}

bool
svc_is_stopping(const struct svc *svc)
{
	return svc->phase == PHASE_STOPPING;
}

void
svc_set_state(struct svc *svc, void *state)
{
	svc->state = state;
}

void *
svc_get_state(struct svc *svc)
{
	return svc->state;
}

struct loop *
svc_loop(struct svc *svc)
{
	return svc->loop;
}

const struct conf *
svc_conf(struct svc *svc)
{
	return confs_current(&svc->confs);
}

const struct conf *
svc_hold_conf(struct svc *svc)
{
	return confs_hold(&svc->confs);
}

void
svc_drop_conf(struct svc *svc, const struct conf *conf)
{
	confs_drop(&svc->confs, conf);
}

uint32_t
svc_index(const struct svc *svc)
{
	return svc->index;
}

uint32_t
svc_spawn(const struct svc *svc)
{
	return svc->spawn;
}

bool
svc_is_user_of(const struct svc *svc, enum peer_role role, uint32_t uid)
{
	if (uid == 0 || uid == geteuid())
		return true;
	return (role == PEER_SMTPD && uid == svc->smtpd_uid) ||
	    (role == PEER_DELIVER && uid == svc->deliver_uid);
}

const char *
svc_run_dir(const struct svc *svc)
{
	return svc->run_dir;
}

int
svc_fd(const struct svc *svc, enum hand_kind kind, uint32_t index)
{
	return hands_fd(&svc->hands, kind, index);
}

int
svc_listener(const struct svc *svc, unsigned i, struct str *title)
{
	const struct hand *hand = hands_find(&svc->hands, HAND_LISTENER, i);

	if (hand == NULL)
		return -1;
	*title = (struct str){ hand->text, hand->text_len };
	return hand->fd;
}

struct page *
svc_page(struct svc *svc)
{
	return svc->page;
}

void
svc_kill_worker(struct svc *svc, uint32_t index, struct str reason)
{
	struct msg_kill_worker kill = { .index = index, .reason = reason };

	if (svc->master == NULL)
		return;
	if (chan_send_kill_worker(svc->master, &kill) != ERR_OK)
		LOG(EV_PEER_SLOW, KV_CSTR("peer", "master"));
}
