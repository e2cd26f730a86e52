/* SPDX-License-Identifier: BSD-2-Clause */
/* lookup: MX records, then the addresses of each host, then the order. */
#include "shaper/lookup.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "shaper/core/exchange.h"
#include "shaper/self.h"
#include "util/base/fatal.h"
#include "util/io/sock.h"
#include "util/proto/messages.h"
#include "util/text/num.h"

#define TTL_MIN_MS 60000
#define TTL_MAX_MS 86400000
#define MS_PER_S 1000
#define HOSTS_MAX_BYTES 16384
#define TEXT_MAX_BYTES 255
#define ADDRESS_MAX_BYTES 255 /* of HOST */

/* RFC 3463, RFC 7505, RFC 7504. */
#define CODE_NO_NAME 550
#define CODE_NO_MAIL 556
#define CODE_LOOP 554

struct host {
	struct lookup *lookup;
	struct dns_question a, aaaa;
	bool has_failed; /* an address may be missing */
	bool is_known;   /* nothing of it is to be looked up */
	uint16_t preference, port;
	uint8_t n_ips;
	struct {
		enum sock_family family;
		uint8_t ip[16];
	} ips[LOOKUP_IPS_MAX];
	char address[ADDRESS_MAX_BYTES + 1]; /* of a Unix socket */
	char name[DNS_NAME_MAX_BYTES + 1];
};

struct lookup {
	struct lookup_conf conf;
	struct dns_question mx;
	struct timer timer;
	struct turn_end conclude;
	struct host *hosts; /* owned */
	uint32_t n_hosts;
	uint32_t n_pending; /* questions that are out */
	uint32_t ttl_s;
	bool is_mx; /* not of relays */
	enum route_status status;
	uint16_t code;
	char domain[DNS_NAME_MAX_BYTES + 3];
	uint16_t port;
	size_t text_len;
	char text[TEXT_MAX_BYTES + 1];
	char out[HOSTS_MAX_BYTES];
};

/* --- the end -------------------------------------------------------------- */

static void
stop_asking(struct lookup *l)
{
	resolver_cancel(&l->mx);
	for (uint32_t i = 0; i < l->n_hosts; i++) {
		resolver_cancel(&l->hosts[i].a);
		resolver_cancel(&l->hosts[i].aaaa);
	}
}

static void
lookup_free(struct lookup *l)
{
	stop_asking(l);
	timer_fini(&l->timer);
	turn_end_fini(&l->conclude);
	free(l->hosts);
	free(l);
}

void
lookup_cancel(struct lookup **lookup)
{
	if (*lookup != NULL)
		lookup_free(*lookup);
	*lookup = NULL;
}

static int64_t
bounded_ttl(const struct lookup *l)
{
	int64_t ms = (int64_t)l->ttl_s * MS_PER_S;

	for (uint32_t i = 0; i < l->n_hosts; i++)
		if (l->hosts[i].has_failed)
			return TTL_MIN_MS;
	if (ms < TTL_MIN_MS)
		return TTL_MIN_MS;
	return ms < TTL_MAX_MS ? ms : TTL_MAX_MS;
}

static void
tell(struct lookup *l, struct str hosts)
{
	struct found found = {
		.status = l->status,
		.code = l->code,
		.ttl_ms = bounded_ttl(l),
		.hosts = hosts,
		.text = { l->text, l->text_len },
	};

	l->conf.fn(l->conf.arg, &found);
	lookup_free(l);
}

/* Parts of the text that says why there is no route. */
static void
say(struct lookup *l, struct str s)
{
	struct outbuf out = { l->text, l->text_len, TEXT_MAX_BYTES };

	outbuf_put(&out,
	    str_head(s, s.len < outbuf_room(&out) ? s.len : outbuf_room(&out)));
	l->text_len = out.len;
}

/* "BEFORE DOMAIN BEHIND": told at the turn's end. */
static void
end_without(struct lookup *l, enum route_status status, uint16_t code,
    const char *before, const char *behind)
{
	l->status = status;
	l->code = code;
	l->text_len = 0;
	say(l, str_from_c(before));
	say(l, str_from_c(l->domain));
	say(l, str_from_c(behind));
	turn_end_ask(&l->conclude);
}

/* --- hosts with their addresses ------------------------------------------- */

static struct sock_addr
host_addr(const struct host *h, uint32_t i)
{
	struct sock_addr a = { .family = h->ips[i].family, .port = h->port };

	memcpy(a.ip, h->ips[i].ip, sizeof(a.ip));
	return a;
}

static void
add_ip(struct host *h, enum sock_family family, const uint8_t ip[16])
{
	if (h->n_ips == LOOKUP_IPS_MAX)
		return;
	h->ips[h->n_ips].family = family;
	memcpy(h->ips[h->n_ips].ip, ip, sizeof(h->ips[0].ip));
	h->n_ips++;
}

static bool
is_self(const struct lookup *l, const struct host *h)
{
	if (str_eq_nocase(str_from_c(h->name), l->conf.conf->main.node))
		return true;
	for (uint32_t i = 0; i < h->n_ips; i++) {
		struct sock_addr a = host_addr(h, i);

		if (self_listens(l->conf.conf, &a))
			return true;
	}
	return false;
}

/* As many as there is room for. */
static void
put_host(const struct host *h, struct outbuf *out)
{
	struct msg_host m = {
		.name = str_from_c(h->name),
		.address = str_from_c(h->address),
		.preference = h->preference,
	};

	if (m.address.len > 0) {
		if (msg_host_list_put(out, &m) != ERR_OK)
			return;
	}
	for (uint32_t i = 0; i < h->n_ips; i++) {
		char text[SOCK_TEXT_MAX_BYTES];
		struct outbuf address = { text, 0, sizeof(text) };
		struct sock_addr a = host_addr(h, i);

		BUG_IF(sock_format(&address, &a) != ERR_OK);
		m.address = outbuf_str(&address);
		if (msg_host_list_put(out, &m) != ERR_OK)
			return;
	}
}

/* Nothing can be reached: for now, or as far as the DNS says for good. */
static void
have_no_address(struct lookup *l)
{
	bool has_failed = false;

	for (uint32_t i = 0; i < l->n_hosts; i++)
		has_failed = has_failed || l->hosts[i].has_failed;
	if (has_failed || !l->is_mx)
		end_without(l, ROUTE_AGAIN, 0, "",
		    has_failed ? ": the addresses of its hosts are not to be "
		                 "had now: no server answers"
		               : ": none of its hosts has an address");
	else
		end_without(l, ROUTE_NONE, CODE_NO_NAME, "5.4.4 ",
		    ": none of its mail exchangers has an address");
}

/* All is known: the hosts in their order, as far as they lead away from us. */
static void
choose(struct lookup *l)
{
	struct exchanger x[LOOKUP_HOSTS_MAX];
	struct outbuf out = { l->out, 0, sizeof(l->out) };
	uint32_t n;

	for (uint32_t i = 0; i < l->n_hosts; i++)
		x[i] = (struct exchanger){
			.preference = l->hosts[i].preference,
			.is_self = l->is_mx && is_self(l, &l->hosts[i]),
		};
	n = exchange_cut(x, l->n_hosts);
	if (n == 0) {
		end_without(l, ROUTE_NONE, CODE_LOOP, "5.4.6 mail for ",
		    " loops back to this relay");
		return;
	}
	for (uint32_t i = 0; i < n; i++)
		put_host(&l->hosts[i], &out);
	if (out.len == 0) {
		have_no_address(l);
		return;
	}
	l->status = ROUTE_OK;
	tell(l, outbuf_str(&out));
}

static void
conclude(void *arg)
{
	struct lookup *l = arg;

	if (l->text_len > 0)
		tell(l, (struct str){ NULL, 0 });
	else
		choose(l);
}

static void
on_address(void *arg, const struct dns_answer *answer)
{
	struct host *h = arg;
	struct lookup *l = h->lookup;

	if (answer->found == DNS_FAILED)
		h->has_failed = true;
	else if (answer->ttl_s < l->ttl_s)
		l->ttl_s = answer->ttl_s;
	for (uint32_t i = 0; i < answer->n; i++)
		add_ip(h, answer->type == DNS_AAAA ? SOCK_IP6 : SOCK_IP4,
		    answer->records[i].ip);
	if (--l->n_pending == 0)
		turn_end_ask(&l->conclude);
}

static void
ask_addresses(struct lookup *l)
{
	for (uint32_t i = 0; i < l->n_hosts; i++) {
		struct host *h = &l->hosts[i];
		struct str name = str_from_c(h->name);

		h->lookup = l;
		if (h->is_known)
			continue;
		h->a.fn = h->aaaa.fn = on_address;
		h->a.arg = h->aaaa.arg = h;
		resolver_ask(l->conf.resolver, &h->a, name, DNS_A);
		resolver_ask(l->conf.resolver, &h->aaaa, name, DNS_AAAA);
		l->n_pending += 2;
	}
	if (l->n_pending == 0)
		turn_end_ask(&l->conclude);
}

static void
make_hosts(struct lookup *l, uint32_t n)
{
	l->hosts = calloc(n, sizeof(*l->hosts));
	if (l->hosts == NULL)
		fatal("no memory for the hosts of a route");
	l->n_hosts = n;
}

static void
set_name(struct host *h, struct str name)
{
	size_t n =
	    name.len < DNS_NAME_MAX_BYTES ? name.len : DNS_NAME_MAX_BYTES;

	memcpy(h->name, name.ptr, n);
	h->name[n] = '\0';
}

/* --- mail exchangers ------------------------------------------------------ */

/* RFC 5321 5.1: a domain without MX records is its own exchanger. */
static void
take_implicit(struct lookup *l)
{
	make_hosts(l, 1);
	set_name(&l->hosts[0], str_from_c(l->domain));
	l->hosts[0].port = l->port;
	ask_addresses(l);
}

static void
take_records(struct lookup *l, const struct dns_answer *answer)
{
	struct exchanger x[DNS_RECORDS_MAX];
	uint32_t n = 0;

	/* A root beside other exchangers is none (RFC 7505 3). */
	for (uint32_t i = 0; i < answer->n; i++)
		if (answer->records[i].name[0] != '\0')
			x[n++] = (struct exchanger){
				.name = str_from_c(answer->records[i].name),
				.preference = answer->records[i].preference,
			};
	if (n == 0) {
		end_without(l, ROUTE_NONE, CODE_NO_MAIL, "5.1.10 ",
		    " takes no mail (null MX)");
		return;
	}
	n = exchange_sort(x, n);
	make_hosts(l, n < LOOKUP_HOSTS_MAX ? n : LOOKUP_HOSTS_MAX);
	for (uint32_t i = 0; i < l->n_hosts; i++) {
		set_name(&l->hosts[i], x[i].name);
		l->hosts[i].preference = x[i].preference;
		l->hosts[i].port = l->port;
	}
	ask_addresses(l);
}

static void
on_mx(void *arg, const struct dns_answer *answer)
{
	struct lookup *l = arg;

	if (answer->ttl_s < l->ttl_s)
		l->ttl_s = answer->ttl_s;
	switch (answer->found) {
	case DNS_FOUND:
		take_records(l, answer);
		break;
	case DNS_NO_NAME:
		end_without(l, ROUTE_NONE, CODE_NO_NAME, "5.1.2 the domain ",
		    " does not exist");
		break;
	case DNS_NO_DATA:
		take_implicit(l);
		break;
	case DNS_FAILED:
		end_without(l, ROUTE_AGAIN, 0, "the mail exchangers of ",
		    " are not to be had now: ");
		say(l, str_from_c(answer->text));
		break;
	}
}

/* "[192.0.2.1]", "[IPv6:2001:db8::1]" (RFC 5321 4.1.3). */
static void
take_literal(struct lookup *l, struct str domain)
{
	struct str text = str_head(str_tail(domain, 1), domain.len - 2);
	struct sock_addr a;

	if (str_starts_nocase(text, STR("IPv6:")))
		str_skip(&text, sizeof("IPv6:") - 1);
	if (!str_ends(domain, STR("]")) ||
	    sock_parse_ip(&a, text, l->port) != ERR_OK) {
		end_without(l, ROUTE_NONE, CODE_NO_NAME, "5.1.2 ",
		    " is no address literal");
		return;
	}
	make_hosts(l, 1);
	set_name(&l->hosts[0], domain);
	l->hosts[0].port = l->port;
	l->hosts[0].is_known = true;
	add_ip(&l->hosts[0], a.family, a.ip);
	ask_addresses(l);
}

/* --- beginning ------------------------------------------------------------ */

static void
on_late(void *arg)
{
	struct lookup *l = arg;

	stop_asking(l);
	if (l->n_hosts == 0) {
		end_without(l, ROUTE_AGAIN, 0, "the mail exchangers of ",
		    " are not to be had now: no server answers");
		return;
	}
	for (uint32_t i = 0; i < l->n_hosts; i++)
		if (l->hosts[i].n_ips == 0 && !l->hosts[i].is_known)
			l->hosts[i].has_failed = true;
	turn_end_ask(&l->conclude);
}

static struct lookup *
lookup_new(const struct lookup_conf *conf, struct str domain)
{
	struct lookup *l = calloc(1, sizeof(*l));
	size_t n = domain.len < sizeof(l->domain) - 1 ? domain.len
	                                              : sizeof(l->domain) - 1;

	if (l == NULL)
		fatal("no memory for a look-up");
	l->conf = *conf;
	l->ttl_s = TTL_MAX_MS / MS_PER_S;
	memcpy(l->domain, domain.ptr, n);
	turn_end_init(&l->conclude, conf->loop, conclude, l);
	timer_init(&l->timer, conf->loop, on_late, l);
	timer_set_at(
	    &l->timer, loop_now_ms(conf->loop) + conf->conf->dns.timeout_ms);
	return l;
}

struct lookup *
lookup_exchangers(
    const struct lookup_conf *conf, struct str domain, uint16_t port)
{
	struct lookup *l = lookup_new(conf, domain);

	l->is_mx = true;
	l->port = port;
	if (str_starts(domain, STR("["))) {
		take_literal(l, domain);
		return l;
	}
	l->mx.fn = on_mx;
	l->mx.arg = l;
	resolver_ask(conf->resolver, &l->mx, domain, DNS_MX);
	return l;
}

/* "192.0.2.1" of "192.0.2.1:25", with its port. */
static struct str
split_port(struct str text, uint16_t *port)
{
	size_t n = text.len;
	uint64_t number = 0;

	while (n > 0 && text.ptr[n - 1] != ':')
		n--;
	/* The configuration was checked. */
	BUG_IF(n == 0 ||
	    num_u64(str_tail(text, n), UINT16_MAX, &number) != ERR_OK);
	*port = (uint16_t)number;
	return str_head(text, n - 1);
}

static void
set_relay(struct host *h, struct str text)
{
	struct sock_addr a;
	struct str name;

	if (str_starts(text, STR("unix:"))) {
		h->is_known = true;
		set_name(h, text);
		/* One that is too long for a route is left out. */
		if (text.len < sizeof(h->address))
			memcpy(h->address, text.ptr, text.len);
		return;
	}
	name = split_port(text, &h->port);
	set_name(h, name);
	h->is_known = sock_parse(&a, text) == ERR_OK;
	if (h->is_known)
		add_ip(h, a.family, a.ip);
}

struct lookup *
lookup_relays(const struct lookup_conf *conf, const struct conf_strs *relays)
{
	struct lookup *l = lookup_new(conf, relays->items[0]);
	uint32_t n =
	    relays->n < LOOKUP_HOSTS_MAX ? relays->n : LOOKUP_HOSTS_MAX;

	make_hosts(l, n);
	for (uint32_t i = 0; i < n; i++) {
		set_relay(&l->hosts[i], relays->items[i]);
		l->hosts[i].preference = (uint16_t)i;
	}
	ask_addresses(l);
	return l;
}
