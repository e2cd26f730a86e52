/* SPDX-License-Identifier: BSD-2-Clause */
/* cmd_sendmail: takes mail from local programs, in the way that is usual. */
#include <errno.h>
#include <pwd.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl/core/letter.h"
#include "ctl/proxy.h"
#include "ctl/sendmail.h"
#include "ctl/submit.h"
#include "ctl/textin.h"
#include "util/base/rand.h"
#include "util/io/clock.h"
#include "util/mail/dotsend.h"
#include "util/mail/dsnparam.h"
#include "util/mail/xtext.h"

/* What is read before the relay is asked: a header section must end in it, and
 * what a slow program writes meanwhile does not keep the relay waiting. */
#define AHEAD_BYTES (1024 * 1024)
/* What is sent at once. */
#define SEND_BYTES 65536
/* How much of an address is shown in a message. */
#define SHOWN_BYTES 200

/* An ENVID of which each byte is coded, and a terminator. */
#define ENVID_BYTES (XTEXT_GROWTH * XTEXT_ENVID_MAX_BYTES + 1)

enum mode { MODE_SEND, MODE_VERIFY, MODE_SMTP, MODE_LIST, MODE_NOTHING };

struct options {
	enum mode mode;
	bool takes_rcpts; /* -t */
	bool keeps_dots;  /* -i */
	bool is_8bit;     /* -B 8BITMIME */
	bool is_verbose;  /* -v */
	const char *sender;
	const char *full_name;
	uint8_t notify;          /* -N */
	enum dsn_ret ret;        /* -R */
	char envid[ENVID_BYTES]; /* -V, as xtext, terminated; empty: none */
};

void
sendmail_die(int status, const char *fmt, ...)
{
	va_list args;

	(void)fflush(stdout);
	(void)fputs("sendmail: ", stderr);
	va_start(args, fmt);
	(void)vfprintf(stderr, fmt, args);
	va_end(args);
	(void)fputc('\n', stderr);
	exit(status);
}

/* --- options -------------------------------------------------------------- */

static enum mode
mode_of(const char *letter)
{
	switch (letter[0]) {
	case 'm':
		return MODE_SEND;
	case 'v':
		return MODE_VERIFY;
	case 's':
		return MODE_SMTP;
	case 'p':
		return MODE_LIST;
	case 'i':
		return MODE_NOTHING;
	default:
		sendmail_die(EX_USAGE,
		    "-b%s: there are -bm, -bv, -bs, -bp and -bi; a relay is "
		    "started by: holdfast start",
		    letter);
	}
}

/* --- which notices -------------------------------------------------------- */

static void
set_notify(struct options *o, const char *text)
{
	if (dsn_parse_notify(str_from_c(text), &o->notify) != ERR_OK)
		sendmail_die(EX_USAGE,
		    "-N %s: give never, or a list of success, failure, delay",
		    text);
}

static void
set_ret(struct options *o, const char *text)
{
	if (dsn_parse_ret(str_from_c(text), &o->ret) != ERR_OK)
		sendmail_die(EX_USAGE, "-R %s: give full or hdrs", text);
}

static void
set_envid(struct options *o, const char *text)
{
	struct outbuf out = { o->envid, 0, sizeof(o->envid) };

	if (xtext_encode(str_from_c(text), &out) != ERR_OK ||
	    !xtext_is_envid(outbuf_str(&out)))
		sendmail_die(EX_USAGE,
		    "-V %.*s: give 1 to %d printable ASCII characters",
		    SHOWN_BYTES, text, XTEXT_ENVID_MAX_BYTES);
	o->envid[out.len] = '\0';
}

static void
set_option(struct ctl *ctl, struct options *o, int letter)
{
	switch (letter) {
	case 'B':
		o->is_8bit = strcmp(optarg, "8BITMIME") == 0;
		return;
	case 'C':
		ctl->conf_path = optarg;
		return;
	case 'F':
		o->full_name = optarg;
		return;
	case 'N':
		set_notify(o, optarg);
		return;
	case 'R':
		set_ret(o, optarg);
		return;
	case 'V':
		set_envid(o, optarg);
		return;
	case 'b':
		o->mode = mode_of(optarg);
		return;
	case 'f':
	case 'r':
		o->sender = optarg;
		return;
	case 'i':
		o->keeps_dots = true;
		return;
	case 'o':
		o->keeps_dots = o->keeps_dots || strcmp(optarg, "i") == 0;
		return;
	case 'I':
	case 'q':
		o->mode = MODE_NOTHING;
		return;
	case 't':
		o->takes_rcpts = true;
		return;
	case 'v':
		o->is_verbose = true;
		return;
	case '?':
		exit(EX_USAGE);
	default:
		/* Means nothing here, and programs give it. */
		return;
	}
}

static void
read_options(struct ctl *ctl, struct options *o)
{
	int letter;

	optind = 1;
	while ((letter = getopt(ctl->argc, ctl->argv,
	            "+A:B:C:F:GIL:N:O:R:UV:X:b:e:f:h:imno:p:q::r:tv")) != -1)
		set_option(ctl, o, letter);
	ctl->argc -= optind;
	ctl->argv += optind;
}

/* --- who sends ------------------------------------------------------------ */

/* The user's name and full name, in static storage. In the latter "&" stands
 * for the name, and a comma ends it. */
static void
know_user(const struct options *o, struct letter_conf *conf)
{
	static char name[32 + 1];
	const struct passwd *pw = getpwuid(getuid());
	struct str gecos;

	if (pw == NULL) {
		(void)snprintf(name, sizeof(name), "uid%u", (unsigned)getuid());
		conf->user = str_from_c(name);
	} else
		conf->user = str_from_c(pw->pw_name);
	conf->full_name = str_from_c(o->full_name);
	if (o->full_name == NULL)
		conf->full_name = str_from_c(getenv("NAME"));
	if (conf->full_name.len > 0 || pw == NULL)
		return;
	gecos = str_from_c(pw->pw_gecos);
	gecos = str_take_field(&gecos, ',');
	conf->full_name = str_eq(gecos, STR("&")) ? conf->user : gecos;
}

/* --- envelope ------------------------------------------------------------- */

static void
must_address(const struct letter *l, enum err err, const char *what)
{
	struct str s = l->culprit;

	if (err == ERR_OK)
		return;
	if (err == ERR_FULL)
		sendmail_die(
		    EX_DATAERR, "%s: more than %d", what, LETTER_RCPTS_MAX);
	s = str_head(s, str_find(s, '\n'));
	sendmail_die(EX_DATAERR, "%s: \"%.*s\" is not an address%s", what,
	    STR_ARG(str_head(s, s.len < SHOWN_BYTES ? s.len : SHOWN_BYTES)),
	    err == ERR_RANGE ? ": it is too long" : "");
}

static void
make_envelope(struct letter *l, const struct ctl *ctl, const struct options *o,
    struct str content)
{
	if (o->sender != NULL)
		must_address(l, letter_set_sender(l, str_from_c(o->sender)),
		    "the sender");
	for (int i = 0; i < ctl->argc; i++)
		must_address(l, letter_add_rcpts(l, str_from_c(ctl->argv[i])),
		    "recipients");
	if (o->takes_rcpts)
		must_address(
		    l, letter_add_header_rcpts(l, content), "recipients");
	if (l->n_rcpts == 0)
		sendmail_die(EX_USAGE,
		    o->takes_rcpts ? "no recipients: there are none in To, Cc "
		                     "and Bcc"
		                   : "no recipients");
}

static bool
has_8bit(struct str s)
{
	for (size_t i = 0; i < s.len; i++)
		if ((unsigned char)s.ptr[i] > 0x7f)
			return true;
	return false;
}

/* The parameters of MAIL, each with a blank before it; out has room for all:
 * the longest is bounded by ENVID_BYTES. */
static void
put_params(
    struct outbuf *out, const struct options *o, bool is_8bit, bool is_utf8)
{
	if (is_8bit)
		outbuf_put(out, STR(" BODY=8BITMIME"));
	if (is_utf8)
		outbuf_put(out, STR(" SMTPUTF8"));
	if (o->ret != RET_DEFAULT) {
		outbuf_put(out, STR(" RET="));
		outbuf_put(out, dsn_ret_text(o->ret));
	}
	if (o->envid[0] != '\0') {
		outbuf_put(out, STR(" ENVID="));
		outbuf_put(out, str_from_c(o->envid));
	}
}

/* Prints who is taken, when that is all that is asked. */
static void
send_envelope(struct submit *s, const struct letter *l, const struct options *o,
    bool is_8bit)
{
	char bytes[SUBMIT_LINE_BYTES];
	struct outbuf params = { bytes, 0, sizeof(bytes) };
	char list[sizeof(" NOTIFY=") + DSN_NOTIFY_MAX_BYTES];
	struct outbuf notify = { list, 0, sizeof(list) };

	put_params(&params, o, is_8bit, l->is_utf8);
	if (o->notify != NOTIFY_DEFAULT) {
		outbuf_put(&notify, STR(" NOTIFY="));
		BUG_IF(dsn_put_notify(o->notify, &notify) != ERR_OK);
	}
	submit_command(s, '2', "MAIL FROM:<%.*s>%.*s", STR_ARG(l->sender),
	    STR_ARG(outbuf_str(&params)));
	for (size_t i = 0; i < l->n_rcpts; i++) {
		submit_command(s, '2', "RCPT TO:<%.*s>%.*s",
		    STR_ARG(l->rcpts[i]), STR_ARG(outbuf_str(&notify)));
		if (o->mode == MODE_VERIFY)
			(void)printf(
			    "%.*s... accepted\n", STR_ARG(l->rcpts[i]));
	}
}

/* --- content -------------------------------------------------------------- */

static void
new_buffer(struct outbuf *out, size_t cap)
{
	*out = (struct outbuf){ malloc(cap), 0, cap };
	if (out->ptr == NULL)
		sendmail_die(EX_OSERR, "no memory");
}

/* Reads until the buffer is full. False: there is more. */
static bool
read_ahead(struct textin *in, struct outbuf *ahead)
{
	enum err err;

	do
		err = textin_step(in, ahead);
	while (err == ERR_AGAIN);
	if (err == ERR_IO)
		sendmail_die(EX_IOERR, "standard input: %s", strerror(errno));
	return err == ERR_OK;
}

static void
send_piece(struct submit *s, struct dotsend *ds, struct str piece)
{
	char bytes[SEND_BYTES];
	struct outbuf out = { bytes, 0, sizeof(bytes) };
	enum err err;

	do {
		err = dotsend_encode(ds, &piece, &out);
		submit_put(s, outbuf_str(&out));
		out.len = 0;
	} while (err == ERR_FULL);
}

/* What read_ahead() left, as it comes. */
static void
send_rest(struct submit *s, struct dotsend *ds, struct textin *in,
    struct outbuf *room)
{
	enum err err;

	do {
		if (in->left.len == 0)
			submit_await_input(s, STDIN_FILENO);
		room->len = 0;
		err = textin_step(in, room);
		/* Closing without the dot: the relay forgets the message. */
		if (err == ERR_IO)
			sendmail_die(EX_IOERR, "standard input: %s: not sent",
			    strerror(errno));
		send_piece(s, ds, outbuf_str(room));
	} while (err != ERR_OK);
}

static void
send_end(struct submit *s, struct dotsend *ds, bool is_verbose)
{
	char bytes[REPLY_MAX_BYTES];
	struct outbuf line = { bytes, 0, sizeof(bytes) };
	struct reply reply;

	BUG_IF(dotsend_end(ds, &line) != ERR_OK);
	submit_put(s, outbuf_str(&line));
	submit_finish(s, &reply);
	line.len = 0;
	if (is_verbose && reply_put_line(&reply, &line) == ERR_OK)
		(void)printf("%.*s\n", STR_ARG(outbuf_str(&line)));
}

static void
begin_letter(struct letter *l, struct letter_conf *conf,
    const struct options *o, const struct submit *s)
{
	*conf = (struct letter_conf){
		.now_ms = clock_wall_ms(), .random = rand_u64(), .node = s->node
	};
	know_user(o, conf);
	must_address(l, letter_init(l, conf), "the user's name");
}

/* Everything of one message. ahead holds its beginning, or all of it. */
static void
send_letter(struct ctl *ctl, const struct options *o, struct textin *in,
    struct outbuf *ahead, bool is_whole)
{
	struct str content = outbuf_str(ahead);
	struct letter_conf conf;
	struct outbuf header;
	struct dotsend ds;
	struct letter l;
	struct submit s;
	bool is_8bit;

	submit_open(&s, ctl);
	begin_letter(&l, &conf, o, &s);
	make_envelope(&l, ctl, o, content);
	new_buffer(&header, ahead->len + LETTER_ROOM_BYTES);
	if (letter_put_header(&l, &content, is_whole, &header) != ERR_OK)
		sendmail_die(EX_DATAERR,
		    "the header section has more than %d "
		    "bytes",
		    AHEAD_BYTES);
	is_8bit = o->is_8bit || l.is_utf8 || has_8bit(outbuf_str(&header)) ||
	    has_8bit(content);
	send_envelope(&s, &l, o, is_8bit);
	submit_command(&s, '3', "DATA");
	dotsend_init(&ds);
	send_piece(&s, &ds, outbuf_str(&header));
	send_piece(&s, &ds, content);
	if (!is_whole)
		send_rest(&s, &ds, in, ahead);
	send_end(&s, &ds, o->is_verbose);
	submit_close(&s);
	letter_fini(&l);
	free(header.ptr);
}

static int
send_mail(struct ctl *ctl, const struct options *o)
{
	static struct textin in;
	struct outbuf ahead;
	bool is_whole;

	if (ctl->argc == 0 && !o->takes_rcpts)
		sendmail_die(EX_USAGE,
		    "no recipients: give them as arguments, or -t to take "
		    "those in the header");
	new_buffer(&ahead, AHEAD_BYTES);
	textin_init(&in, STDIN_FILENO, o->keeps_dots);
	is_whole = read_ahead(&in, &ahead);
	send_letter(ctl, o, &in, &ahead, is_whole);
	free(ahead.ptr);
	return EX_OK;
}

static int
verify(struct ctl *ctl, const struct options *o)
{
	struct letter_conf conf;
	struct letter l;
	struct submit s;

	if (ctl->argc == 0)
		sendmail_die(EX_USAGE, "-bv: give addresses");
	submit_open(&s, ctl);
	begin_letter(&l, &conf, o, &s);
	make_envelope(&l, ctl, o, STR(""));
	send_envelope(&s, &l, o, false);
	submit_close(&s);
	letter_fini(&l);
	return EX_OK;
}

static int
speak_smtp(struct ctl *ctl)
{
	struct submit s;

	submit_connect(&s, ctl);
	return proxy_run(STDIN_FILENO, STDOUT_FILENO, s.fd);
}

int
sendmail_run(struct ctl *ctl, bool is_mailq)
{
	struct options o = { .mode = is_mailq ? MODE_LIST : MODE_SEND };
	struct sigaction ignore = { .sa_handler = SIG_IGN };

	(void)sigaction(SIGPIPE, &ignore, NULL);
	read_options(ctl, &o);
	switch (o.mode) {
	case MODE_SEND:
		return send_mail(ctl, &o);
	case MODE_VERIFY:
		return verify(ctl, &o);
	case MODE_SMTP:
		return speak_smtp(ctl);
	case MODE_LIST:
		return mailq_print(ctl);
	case MODE_NOTHING:
		break;
	}
	return EX_OK;
}

int
cmd_sendmail(struct ctl *ctl)
{
	return sendmail_run(ctl, false);
}
