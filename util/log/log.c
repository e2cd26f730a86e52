/* SPDX-License-Identifier: BSD-2-Clause */
/* log: writes lines to where people look, and never waits there. */
#include "util/log/log.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "util/base/fatal.h"

#define SOCKET_PATH "/dev/log"
#define FACILITY_MAIL (2 << 3)
/* A system log that is away is looked for this often. */
#define RECONNECT_MS 1000
/* Longest head: priority, date, ident, pid. */
#define HEAD_MAX_BYTES 128
#define IDENT_MAX_BYTES 64

static const unsigned char severities[] = {
	[LOG_LEVEL_ERROR] = 3,
	[LOG_LEVEL_WARNING] = 4,
	[LOG_LEVEL_NOTICE] = 5,
	[LOG_LEVEL_INFO] = 6,
	[LOG_LEVEL_DEBUG] = 7,
};

/* The one log of the process. */
static struct {
	struct log_conf conf;
	int fd;           /* of the system log, or -1 */
	int64_t tried_ms; /* last try to connect */
	bool has_tried;
	bool is_strict;
	uint64_t lost;
} state = {
	.conf = { "holdfast", true, "", NULL },
	.fd = -1,
};

int log_threshold = LOG_LEVEL_INFO;

static int64_t
clock_ms(void)
{
	struct timespec ts;

	if (state.conf.clock_ms != NULL)
		return state.conf.clock_ms();
	if (clock_gettime(CLOCK_REALTIME, &ts) != 0)
		return 0;
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* --- the system log ------------------------------------------------------- */

static void
disconnect(void)
{
	if (state.fd >= 0)
		(void)close(state.fd);
	state.fd = -1;
}

static bool
may_connect(int64_t now_ms)
{
	int64_t since_ms = now_ms - state.tried_ms;

	/* A clock that was set back must not keep us away. */
	return !state.has_tried || since_ms < 0 || since_ms >= RECONNECT_MS;
}

static bool
connect_to(const char *path)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	size_t len = strlen(path);

	if (len >= sizeof(sun.sun_path))
		return false;
	memcpy(sun.sun_path, path, len);
	state.fd =
	    socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (state.fd < 0)
		return false;
	if (connect(state.fd, (struct sockaddr *)&sun, sizeof(sun)) == 0)
		return true;
	disconnect();
	return false;
}

static bool
send_once(struct str line)
{
	ssize_t n = send(state.fd, line.ptr, line.len, MSG_NOSIGNAL);

	if (n >= 0)
		return true;
	/* Full is no reason to connect anew; a daemon that was restarted is. */
	if (errno != EAGAIN && errno != ENOBUFS && errno != EMSGSIZE)
		disconnect();
	return false;
}

/* A connection that breaks gets its line through the next one. */
static bool
send_line(struct str line, int64_t now_ms)
{
	const char *path = state.conf.socket_path;

	if (state.fd >= 0 && send_once(line))
		return true;
	if (state.fd >= 0 || !may_connect(now_ms))
		return false;
	state.tried_ms = now_ms;
	state.has_tried = true;
	return connect_to(path != NULL ? path : SOCKET_PATH) && send_once(line);
}

/* RFC 3164 as local daemons read it: local time, no host. */
static enum err
put_syslog_head(struct outbuf *out, enum log_level level, int64_t now_ms)
{
	time_t now_s = (time_t)(now_ms / 1000);
	char date[sizeof("Jan 01 00:00:00")];
	struct tm tm;

	if (localtime_r(&now_s, &tm) == NULL ||
	    strftime(date, sizeof(date), "%b %e %H:%M:%S", &tm) == 0)
		return ERR_RANGE;
	return outbuf_printf(out,
	    "<%d>%s %.*s[%ld]: ", FACILITY_MAIL | severities[level], date,
	    IDENT_MAX_BYTES, state.conf.ident, (long)getpid());
}

static bool
to_syslog(struct str text, enum log_level level)
{
	char bytes[HEAD_MAX_BYTES + LOG_LINE_MAX_BYTES];
	struct outbuf out = { bytes, 0, sizeof(bytes) };
	int64_t now_ms = clock_ms();

	if (put_syslog_head(&out, level, now_ms) != ERR_OK)
		return false;
	outbuf_put(&out, text);
	return send_line(outbuf_str(&out), now_ms);
}

/* --- standard error ------------------------------------------------------- */

/* A pipe that is ready takes PIPE_BUF bytes, which is our longest line, at
 * once; one that nobody reads is not ready. */
static bool
to_stderr(struct str line)
{
	struct pollfd pfd = { .fd = STDERR_FILENO, .events = POLLOUT };
	ssize_t n;

	if (poll(&pfd, 1, 0) != 1 || (pfd.revents & POLLOUT) == 0)
		return false;
	n = write(STDERR_FILENO, line.ptr, line.len);
	return n >= 0 && (size_t)n == line.len;
}

/* --- public --------------------------------------------------------------- */

void
log_event(enum event_id ev, const struct log_kv *kv, size_t n)
{
	char bytes[LOG_LINE_MAX_BYTES];
	struct outbuf out = { bytes, 0, sizeof(bytes) - 1 };
	enum log_level level = log_row(ev).level;
	struct str text;

	BUG_IF(state.is_strict && !log_check(ev, kv, n));
	if (outbuf_printf(&out, "%.*s[%ld]: ", IDENT_MAX_BYTES,
	        state.conf.ident, (long)getpid()) != ERR_OK)
		return;
	text.ptr = out.ptr + out.len;
	text.len = out.len;
	log_compose(&out, ev, kv, n);
	text.len = out.len - text.len;
	if (state.conf.socket_path == NULL || state.conf.socket_path[0] != '\0')
		if (!to_syslog(text, level))
			state.lost++;
	if (!state.conf.is_foreground)
		return;
	out.cap++; /* kept for the newline */
	outbuf_putc(&out, '\n');
	if (!to_stderr(outbuf_str(&out)))
		state.lost++;
}

static void
log_fatal(const char *line)
{
	LOG(EV_FATAL, KV_CSTR("msg", line));
}

void
log_init(const struct log_conf *conf)
{
	disconnect();
	state.conf = *conf;
	state.has_tried = false;
	state.lost = 0;
	log_threshold = LOG_LEVEL_INFO;
	tzset(); /* now: later the file may be out of reach */
	fatal_set_sink(log_fatal);
}

void
log_set_level(enum log_level level)
{
	log_threshold = (int)level;
}

uint64_t
log_lost(void)
{
	return state.lost;
}

void
log_set_strict(void)
{
	state.is_strict = true;
}
