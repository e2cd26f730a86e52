/* SPDX-License-Identifier: BSD-2-Clause */
/* account: what a spool holds while nobody runs. */
#include "qmgr/account.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "qmgr/core/action.h"
#include "qmgr/core/core.h"
#include "qmgr/core/view.h"
#include "qmgr/replay.h"
#include "util/base/array.h"
#include "util/base/fatal.h"
#include "util/base/slab.h"
#include "util/io/clock.h"
#include "util/io/sys.h"
#include "util/spool/segname.h"
#include "util/spool/segread.h"
#include "util/spool/segwalk.h"
#include "util/svc/account.h"
#include "util/text/num.h"

/* Newest spool/VERSION that this program reads. */
#define VERSION_MAX 1
#define NUMBER_MAX_BYTES 32
#define PATH_MAX_BYTES 4096

struct spool {
	const char *state_dir;
	struct core *core;
	struct account account;
	char *buf;   /* of a walk */
	char *front; /* of one record */
};

/* --- the core ------------------------------------------------------------- */

/* Nothing is delivered here: any schedule does, for nothing is due. */
static void
no_queue_policy(
    void *ctx, const struct queue_key *key, struct core_queue_policy *policy)
{
	(void)ctx;
	(void)key;
	*policy = (struct core_queue_policy){
		.backoff = { .base_ms = 1000, .cap_ms = 1000 },
		.weight = 1,
	};
}

static void
no_site_policy(void *ctx, struct str source, struct str provider,
    struct core_site_policy *policy)
{
	(void)ctx;
	(void)source;
	(void)provider;
	*policy = (struct core_site_policy){ .probe_max_ms = 1000 };
}

static void
new_core(struct spool *s)
{
	struct core_conf conf = {
		.parts_max = SLAB_ITEMS_MAX,
		.campaigns_max = UINT32_MAX,
		.conns_max = 1,
		.ahead = 1,
		.first_lease = 1,
		.queue_policy = no_queue_policy,
		.site_policy = no_site_policy,
	};

	s->core = core_new(&conf);
	s->buf = malloc(SEGWALK_BUF_BYTES);
	s->front = malloc(RECORD_FRONT_MAX_BYTES);
	if (s->core == NULL || s->buf == NULL || s->front == NULL)
		fatal("no memory to read the spool");
	core_turn(s->core, clock_boot_ms(), clock_wall_ms());
}

/* --- segments ------------------------------------------------------------- */

NORETURN static void
fail(const struct spool *s, const char *what)
{
	fatal("%s/spool/%s: cannot be read: %s; see the log", s->state_dir,
	    what, strerror(errno));
}

/* A segment that is being counted. */
struct count {
	int fd;
	struct segment_head head;
	uint64_t number;
	uint32_t from; /* up to there the core is compared */
};

/* What the core has in a segment up to a block, and the file has not. */
static void
count_missing(struct spool *s, struct count *c, uint32_t to)
{
	struct part_state state;
	uint32_t part;

	for (; c->from < to; c->from = state.block + 1) {
		part = core_segment_part(s->core, c->number, c->from);
		if (part == 0 || !core_part_get(s->core, part, &state) ||
		    state.block >= to)
			break;
		s->account.missing++;
	}
	c->from = to;
}

/* A record that the ledger does not know: it will be found and admitted. */
static void
count_unknown(struct spool *s, const struct count *c, uint32_t block)
{
	struct outbuf buf = { s->front, 0, RECORD_FRONT_MAX_BYTES };
	struct segread_record record;
	struct envelope env;
	enum err err = segread_load(c->fd, &c->head, block, &buf, &record);

	if (err == ERR_IO)
		fail(s, "incoming or deferred");
	if (err == ERR_OK)
		err = envelope_parse(&env, record.envelope);
	if (err != ERR_OK)
		return;
	s->account.messages++;
	s->account.admitted += env.n_parts;
	s->account.ready += env.n_parts;
}

static void
count_item(struct spool *s, struct count *c, const struct segwalk_item *item)
{
	uint32_t block = (uint32_t)(item->offset / SEGMENT_BLOCK_BYTES);

	if (item->kind == SEGWALK_RECORD) {
		count_missing(s, c, block);
		c->from = block + 1;
		if (core_record_state(s->core, c->number, block) ==
		    CORE_RECORD_UNKNOWN)
			count_unknown(s, c, block);
	} else if (item->kind == SEGWALK_BAD_RECORD ||
	    item->kind == SEGWALK_TORN) {
		/* Damaged or never acknowledged, but there. */
		count_missing(s, c, block);
		c->from = block + segment_blocks(item->bytes);
	}
}

static enum err
walk(struct spool *s, struct count *c)
{
	struct segwalk_conf conf = { .fd = c->fd,
		.seg = &c->head,
		.buf = s->buf,
		.limit = SEGWALK_ALL,
		.mode = SEGWALK_HEADERS };
	struct segwalk_item item = { .kind = SEGWALK_GAP };
	struct segwalk r;
	enum err err = segwalk_init(&r, &conf);

	while (err == ERR_OK && item.kind != SEGWALK_END_OPEN &&
	    item.kind != SEGWALK_END_SEALED) {
		err = segwalk_next(&r, &item);
		if (err == ERR_OK)
			count_item(s, c, &item);
		else if (err == ERR_AGAIN)
			err = ERR_OK;
	}
	return err;
}

static void
count_segment(struct spool *s, int dir_fd, uint64_t number)
{
	struct count c = { .number = number };
	enum err err = segread_open(&c.fd, &c.head, dir_fd, number);

	if (err == ERR_OK) {
		err = walk(s, &c);
		(void)close(c.fd);
	}
	if (err == ERR_RANGE)
		fatal_conf(
		    "%s/spool: was written by a newer version", s->state_dir);
	if (err == ERR_IO)
		fail(s, "incoming or deferred");
	count_missing(s, &c, CORE_BLOCK_MAX + 1);
	s->account.segments++;
}

static int
open_dir(const struct spool *s, int spool_fd, const char *name)
{
	int fd =
	    sys.openat(spool_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);

	if (fd < 0)
		fail(s, name);
	return fd;
}

static void
count_segments(struct spool *s, int spool_fd, const char *name)
{
	int dir_fd = open_dir(s, spool_fd, name);
	DIR *dir = fdopendir(open_dir(s, spool_fd, name));
	struct dirent *entry;
	uint64_t number;

	if (dir == NULL)
		fail(s, name);
	errno = 0;
	while ((entry = readdir(dir)) != NULL) {
		if (segname_parse(str_from_c(entry->d_name), &number) == ERR_OK)
			count_segment(s, dir_fd, number);
		errno = 0;
	}
	if (errno != 0)
		fail(s, name);
	(void)closedir(dir);
	(void)close(dir_fd);
}

/* Segments of which only the ledger knows. */
static void
count_gone(struct spool *s, int spool_fd)
{
	static const char *const places[] = { "incoming", "deferred" };
	struct core_segment_view view = { .number = 0 };
	char path[sizeof("incoming/") + SEGNAME_BYTES];
	char name[SEGNAME_BYTES + 1];
	bool is_there;

	while (core_segment_next(s->core, view.number, &view)) {
		struct count c = { .number = view.number };

		is_there = false;
		segname_format(view.number, name);
		for (size_t i = 0; i < COUNT_OF(places); i++) {
			(void)snprintf(
			    path, sizeof(path), "%s/%s", places[i], name);
			if (faccessat(spool_fd, path, F_OK, 0) == 0)
				is_there = true;
			else if (errno != ENOENT)
				fail(s, places[i]);
		}
		if (!is_there)
			count_missing(s, &c, CORE_BLOCK_MAX + 1);
	}
}

/* --- the ledger ----------------------------------------------------------- */

static void
count_ledger(struct spool *s, int ledger_fd)
{
	struct replay replay;
	struct core_action action;
	struct core_accounts a;
	enum err err = replay_run(&replay, s->core, NULL, ledger_fd);

	if (err == ERR_RANGE)
		fatal_conf(
		    "%s/spool: was written by a newer version", s->state_dir);
	if (err == ERR_FULL)
		fatal("no memory to read the ledger");
	if (err != ERR_OK)
		fail(s, "ledger");
	core_restore_messages(s->core, replay.messages_done);
	while (core_restore_end(s->core, replay.done, replay.last_lease))
		while (core_action_next(s->core, &action))
			continue;
	core_accounts(s->core, &a);
	s->account = (struct account){
		.admitted = a.admitted,
		.done = a.done,
		.waiting = a.waiting,
		.ready = a.ready,
		.leased = a.leased,
		.held = a.held,
		.owed = a.owed,
		.balanced = core_audit(s->core) && !replay.is_unbalanced,
		.messages = a.messages,
	};
}

/* --- the spool ------------------------------------------------------------ */

static void
check_version(const struct spool *s, int spool_fd)
{
	char bytes[NUMBER_MAX_BYTES];
	struct str text = { bytes, 0 };
	uint64_t version;
	ssize_t n;
	int fd = sys.openat(
	    spool_fd, "VERSION", O_RDONLY | O_CLOEXEC | O_NOFOLLOW, 0);

	if (fd < 0)
		fail(s, "VERSION");
	n = sys.read(fd, bytes, sizeof(bytes));
	if (n < 0)
		fail(s, "VERSION");
	(void)close(fd);
	text.len = (size_t)n;
	if (num_u64(str_trim(text), UINT32_MAX, &version) != ERR_OK ||
	    version == 0)
		fatal_conf(
		    "%s/spool/VERSION: is no version number", s->state_dir);
	if (version > VERSION_MAX)
		fatal_conf("%s/spool: has version %u, this program reads up "
		           "to version %d: use a newer one",
		    s->state_dir, (unsigned)version, VERSION_MAX);
}

/* Nobody runs. The lock is not kept: a relay that is started meanwhile must
 * not find it held. Nothing is written here, so nobody is harmed. */
static void
check_lock(const struct spool *s, int spool_fd)
{
	int fd =
	    sys.openat(spool_fd, "lock", O_RDONLY | O_CLOEXEC | O_NOFOLLOW, 0);

	if (fd < 0)
		fail(s, "lock");
	if (sys.flock(fd, LOCK_SH | LOCK_NB) != 0) {
		if (errno == EWOULDBLOCK)
			fatal("%s/spool/lock: another process holds it: the "
			      "relay is running, ask it",
			    s->state_dir);
		fail(s, "lock");
	}
	(void)close(fd);
}

static void
print(const struct spool *s)
{
	char line[ACCOUNT_LINE_MAX_BYTES];
	struct outbuf out = { line, 0, sizeof(line) };
	enum err err = account_format(&s->account, &out);

	BUG_IF(err != ERR_OK); /* the buffer takes any line */
	if (write(STDOUT_FILENO, out.ptr, out.len) != (ssize_t)out.len)
		fatal("standard output: %s", strerror(errno));
}

static int
open_spool(const struct spool *s)
{
	char path[PATH_MAX_BYTES];
	int n = snprintf(path, sizeof(path), "%s/spool", s->state_dir);
	int fd;

	if (n < 0 || (size_t)n >= sizeof(path))
		fatal_conf("state_dir: its name is too long");
	fd = sys.openat(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	if (fd >= 0)
		return fd;
	if (errno == ENOENT || errno == ENOTDIR)
		fatal_conf(
		    "%s: %s: no relay has run here", path, strerror(errno));
	fatal("%s: %s", path, strerror(errno));
}

int
account_main(const char *state_dir)
{
	struct spool s = { .state_dir = state_dir };
	int fd = open_spool(&s);
	int ledger_fd;

	check_version(&s, fd);
	check_lock(&s, fd);
	new_core(&s);
	ledger_fd = open_dir(&s, fd, "ledger");
	count_ledger(&s, ledger_fd);
	count_segments(&s, fd, "incoming");
	count_segments(&s, fd, "deferred");
	count_gone(&s, fd);
	/* Else what was read may be of two states. */
	check_lock(&s, fd);
	print(&s);
	(void)close(ledger_fd);
	(void)close(fd);
	core_free(&s.core);
	free(s.buf);
	free(s.front);
	return 0;
}
