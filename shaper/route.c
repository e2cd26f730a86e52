/* SPDX-License-Identifier: BSD-2-Clause */
/* route: the site of what was found: its source and its provider. */
#include "shaper/route.h"

#include "util/base/fatal.h"
#include "util/conf/lookup.h"

/* The source that needs no configuration. */
#define SOURCE_DEFAULT STR("default")

/* Sites of one host by another transport are others. */
static struct str
prefix(const struct conf_route *section)
{
	return section->transport == CONF_TRANSPORT_LMTP
	    ? STR("lmtp:")
	    : (struct str){ NULL, 0 };
}

/* "192.0.2.1" of "192.0.2.1:25"; all of "unix:PATH". */
static struct str
host_name(struct str address)
{
	size_t n = address.len;

	if (str_starts(address, STR("unix:")))
		return address;
	while (n > 0 && address.ptr[n - 1] != ':')
		n--;
	return n > 0 ? str_head(address, n - 1) : address;
}

static const struct conf_provider *
relay_provider(const struct conf *conf, struct str relay)
{
	const struct conf_provider *p = conf_provider_find(conf, relay);

	return p != NULL ? p : conf_provider_find(conf, host_name(relay));
}

/* The names of a list of HOST, sorted: the same for each order of the DNS.
 * Returns how many. *provider: the section that the best of them belongs to. */
static uint32_t
read_names(const struct conf *conf, struct str hosts,
    struct str names[LOOKUP_HOSTS_MAX], const struct conf_provider **provider)
{
	struct msg_host host;
	uint32_t n = 0;

	*provider = NULL;
	while (n < LOOKUP_HOSTS_MAX &&
	    msg_host_list_next(&hosts, &host) == ERR_OK) {
		uint32_t k = n;

		if (*provider == NULL)
			*provider = conf_provider_find(conf, host.name);
		for (; k > 0 && str_cmp(names[k - 1], host.name) > 0; k--)
			names[k] = names[k - 1];
		if (k > 0 && str_eq(names[k - 1], host.name)) {
			/* One of several addresses: it is there already. */
			for (; k < n; k++)
				names[k] = names[k + 1];
			continue;
		}
		names[k] = host.name;
		n++;
	}
	return n;
}

static struct str
provider_name(struct route_room *room, const struct conf *conf,
    const struct conf_route *section, struct str hosts)
{
	struct outbuf out = { room->provider, 0, sizeof(room->provider) };
	struct str names[LOOKUP_HOSTS_MAX + 1];
	const struct conf_provider *provider;
	uint32_t n = section->relay.n;

	if (n > 0) {
		provider = relay_provider(conf, section->relay.items[0]);
		if (provider == NULL)
			provider_put_name(
			    &out, prefix(section), section->relay.items, n);
	} else {
		n = read_names(conf, hosts, names, &provider);
		if (provider == NULL)
			provider_put_name(&out, prefix(section), names, n);
	}
	return provider != NULL ? provider->head.title : outbuf_str(&out);
}

bool
route_at_once(const struct conf_route *section, struct msg_route *route)
{
	*route = (struct msg_route){ .valid_ms = ROUTE_NO_SECTION_MS };
	if (section == NULL) {
		/* The next configuration may be better: nothing bounces. */
		route->status = ROUTE_AGAIN;
		route->text = STR("no route section matches the domain");
		return true;
	}
	if (section->transport != CONF_TRANSPORT_DISCARD)
		return false;
	route->status = ROUTE_OK;
	route->valid_ms = ROUTE_VALID_MAX_MS;
	route->transport = TRANSPORT_DISCARD;
	route->source = SOURCE_DEFAULT;
	route->provider = STR("discard");
	return true;
}

void
route_found(struct route_room *room, const struct conf *conf,
    const struct conf_route *section, const struct found *found,
    struct msg_route *route)
{
	*route = (struct msg_route){
		.status = (uint8_t)found->status,
		.valid_ms = found->ttl_ms < ROUTE_VALID_MAX_MS
		    ? (uint32_t)found->ttl_ms
		    : ROUTE_VALID_MAX_MS,
		.code = found->code,
		.text = found->text,
	};
	if (found->status != ROUTE_OK)
		return;
	route->transport = section->transport == CONF_TRANSPORT_LMTP
	    ? TRANSPORT_LMTP
	    : TRANSPORT_SMTP;
	route->source = SOURCE_DEFAULT;
	route->provider = provider_name(room, conf, section, found->hosts);
	route->hosts = found->hosts;
}
