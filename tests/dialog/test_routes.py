# SPDX-License-Identifier: BSD-2-Clause
"""Routes by mail exchangers: a real relay, a name server, and hosts that are
reached, or are not."""
import struct

import dnsstub
from dnsstub import DnsStub, record, reply
from neighbours import Dnsmasq, address
from relay import await_true


def relay_by_mx(t, dns, port, conf="", settings=""):
    return t.relay(conf=f'''
route "*.test" {{ port = {port} }}
dns {{ server = {{ "{dns.address}" }}  dnssec = "off"  {settings} }}
{conf}
''').start()


def limit_of(relay, qid):
    why = relay.why(qid)
    return why, (why.get("limit") or {}).get("cause", "") + \
        (why.get("limit") or {}).get("value", "")


def test_the_better_exchanger_is_tried_first(t):
    port = t.port()
    good = t.sink(ip=address(t, 1), port=port)
    other = t.sink(ip=address(t, 2), port=port)
    dns = Dnsmasq(t, "--mx-host=d.test,mx1.d.test,10",
                  "--mx-host=d.test,mx2.d.test,20",
                  f"--host-record=mx1.d.test,{address(t, 1)}",
                  f"--host-record=mx2.d.test,{address(t, 2)}")
    relay = relay_by_mx(t, dns, port)
    for _ in range(5):
        relay.submit(to=("a@d.test",))
    relay.await_empty()
    assert good.stats()["msgs"] == 5, good.stats()
    assert other.stats()["msgs"] == 0, other.stats()


def test_equal_exchangers_all_get_their_share(t):
    port = t.port()
    sinks = [t.sink(ip=address(t, n), port=port) for n in (1, 2, 3)]
    dns = Dnsmasq(t, *(f"--mx-host=d.test,mx{n}.d.test,10" for n in (1, 2, 3)),
                  *(f"--host-record=mx{n}.d.test,{address(t, n)}"
                    for n in (1, 2, 3)))
    # A connection for each message; with 40 of them the chance that one of
    # three hosts gets none is one in four million.
    relay = relay_by_mx(t, dns, port, conf='''
site "*" { messages_per_connection = 1  connections = 2 }''')
    for _ in range(40):
        relay.submit(to=("a@d.test",))
    relay.await_empty()
    counts = [s.stats()["msgs"] for s in sinks]
    assert sum(counts) == 40 and min(counts) > 0, counts


def test_a_dead_exchanger_is_passed_by(t):
    port = t.port()
    good = t.sink(ip=address(t, 2), port=port)
    dns = Dnsmasq(t, "--mx-host=d.test,mx1.d.test,10",
                  "--mx-host=d.test,mx2.d.test,20",
                  f"--host-record=mx1.d.test,{address(t, 1)}",
                  f"--host-record=mx2.d.test,{address(t, 2)}")
    relay = relay_by_mx(t, dns, port)
    relay.submit(to=("a@d.test",))
    relay.await_empty()
    assert good.stats()["msgs"] == 1, good.stats()


def test_a_domain_without_mx_is_its_own_exchanger(t):
    port = t.port()
    good = t.sink(ip=address(t, 1), port=port)
    dns = Dnsmasq(t, f"--host-record=d.test,{address(t, 1)}")
    relay = relay_by_mx(t, dns, port)
    relay.submit(to=("a@d.test",))
    relay.await_empty()
    assert good.stats()["msgs"] == 1, good.stats()


def test_an_alias_is_followed(t):
    port = t.port()
    good = t.sink(ip=address(t, 1), port=port)
    dns = Dnsmasq(t, "--cname=alias.test,real.test",
                  f"--host-record=real.test,{address(t, 1)}",
                  "--mx-host=d.test,alias.test,1")
    relay = relay_by_mx(t, dns, port)
    relay.submit(to=("a@d.test", "b@alias.test"))
    relay.await_empty()
    assert good.stats()["msgs"] == 2, good.stats()


def test_an_address_literal_needs_no_name_server(t):
    port = t.port()
    good = t.sink(ip=address(t, 1), port=port)
    dns = DnsStub(t, lambda *_: None)
    relay = relay_by_mx(t, dns, port, conf=f'route "[{address(t, 1)}]" '
                        f'{{ port = {port} }}')
    relay.submit(to=(f"a@[{address(t, 1)}]",))
    relay.await_empty()
    assert good.stats()["msgs"] == 1, good.stats()


def test_a_relay_may_be_named(t):
    port = t.port()
    good = t.sink(ip=address(t, 1), port=port)
    dns = Dnsmasq(t, f"--host-record=smart.test,{address(t, 1)}")
    relay = t.relay(relay_to=f"smart.test:{port}", conf=f'''
dns {{ server = {{ "{dns.address}" }}  dnssec = "off" }}''').start()
    relay.submit(to=("a@anywhere.example",))
    relay.await_empty()
    assert good.stats()["msgs"] == 1, good.stats()


def test_mail_that_would_come_back_to_us_is_not_sent(t):
    port = t.port()
    dns = Dnsmasq(t, "--mx-host=self.test,relay.test,10",
                  "--mx-host=addr.test,mx.addr.test,10",
                  f"--host-record=mx.addr.test,{t.ip}",
                  f"--host-record=relay.test,{address(t, 1)}")
    relay = t.relay(conf=f'''
route "self.test" {{ port = {port} }}
dns {{ server = {{ "{dns.address}" }}  dnssec = "off" }}''')
    relay.write_conf(relay.text + f'route "addr.test" {{ port = {relay.port} }}')
    relay.start()
    # The null sender is told nothing: such a message ends by itself.
    for domain in "self.test", "addr.test":
        relay.submit(sender="", to=(f"a@{domain}",))
    relay.await_empty()
    assert relay.log_text().count("loops back to this relay") == 2


def test_exchangers_behind_our_own_are_left_out(t):
    port = t.port()
    good = t.sink(ip=address(t, 1), port=port)
    worse = t.sink(ip=address(t, 2), port=port)
    dns = Dnsmasq(t, "--mx-host=d.test,mx1.d.test,10",
                  "--mx-host=d.test,relay.test,20",
                  "--mx-host=d.test,mx3.d.test,30",
                  f"--host-record=mx1.d.test,{address(t, 1)}",
                  f"--host-record=relay.test,{address(t, 3)}",
                  f"--host-record=mx3.d.test,{address(t, 2)}")
    relay = relay_by_mx(t, dns, port)
    good.end()
    qid = relay.submit(to=("a@d.test",))
    await_true("it was tried", lambda: "refused" in str(relay.why(qid)))
    assert worse.stats()["msgs"] == 0, worse.stats()


def final(t, *options):
    """What is logged of a route that there is not, for good."""
    dns = Dnsmasq(t, *options)
    relay = relay_by_mx(t, dns, t.port())
    relay.submit(sender="", to=("a@d.test",))
    relay.await_empty()
    return relay.log_text()


def test_a_null_mx_is_final(t):
    assert "5.1.10 d.test takes no mail" in final(t, "--mx-host=d.test,.,0")


def test_a_domain_that_does_not_exist_is_final(t):
    assert "5.1.2 the domain d.test does not exist" in final(t)


def test_exchangers_without_address_are_final(t):
    assert "5.4.4 d.test: none of its mail exchangers has an address" in \
        final(t, "--mx-host=d.test,mx.d.test,1")


def waits(t, answer, settings=""):
    """A relay whose resolver answers so, with a message that waits."""
    dns = DnsStub(t, answer)
    relay = relay_by_mx(t, dns, t.port(), settings=settings)
    qid = relay.submit(to=("a@d.test",))
    why = await_true("why names the route", lambda: (
        lambda w: w if "mail exchangers of d.test" in str(w) else None)(
            relay.why(qid)))
    assert why["state"] == "ready", why
    row, = relay.queue()
    assert "mail exchangers of d.test" in str(row["limit"]), row
    return dns, relay, qid


def test_servfail_waits(t):
    waits(t, lambda name, kind, q: reply(q, rcode=2))


def test_a_server_that_is_silent_waits(t):
    waits(t, lambda *_: None, 'timeout = "1s"')


def test_garbage_waits(t):
    waits(t, lambda name, kind, q: q[:2] + b"\xff" * 40, 'timeout = "2s"')


def test_a_truncated_answer_waits(t):
    waits(t, lambda name, kind, q: reply(
        q, [record("d.test", "MX", (1, "mx.d.test"))])[:-4],
        'timeout = "2s"')


def test_another_questions_answer_is_not_taken(t):
    def answer(name, kind, q):
        other = q[:12] + dnsstub.wire_name("e.test") + q[-4:]
        return reply(other, [record("e.test", "MX", (1, "mx.e.test"))])
    waits(t, answer, 'timeout = "2s"')


def test_exchangers_with_names_that_are_none_wait(t):
    """Names of bytes that no host name has, among good ones."""
    names = iter((b"\x04a\0b.\0", b"\x03\\\"\r\0", b"\x02\xff\xfe\0"))
    bad = next(names)

    def answer(name, kind, q):
        nonlocal bad
        if kind != "MX":
            return reply(q, [record(name, "A", "127.0.0.1")])
        good = record(name, "MX", (1, "mx.d.test"))
        data = b"\0\1" + bad
        bad = next(names, bad)
        return reply(q, [good, dnsstub.wire_name(name) + struct.pack(
            "!HHIH", dnsstub.TYPES["MX"], 1, 60, len(data)) + data])
    dns, relay, qid = waits(t, answer, 'timeout = "2s"')
    assert "garbage" in str(relay.why(qid)), relay.why(qid)


def test_the_longest_domain_is_looked_up(t):
    port = t.port()
    good = t.sink(ip=address(t, 1), port=port)
    dns = DnsStub(t, lambda name, kind, q: reply(
        q, [record(name, "A", address(t, 1))] if kind == "A" else ()))
    relay = relay_by_mx(t, dns, port)
    # The longest address that SMTP takes has 254 bytes.
    longest = f"{'.'.join(['x' * 63] * 4)[:247]}.test"
    relay.submit(to=(f"a@{longest}",))
    await_true("it is delivered", lambda: good.stats()["msgs"] == 1)
    assert (longest, "MX") in dns.asked, dns.asked


def test_an_answer_that_comes_later_is_used(t):
    port = t.port()
    good = t.sink(ip=address(t, 1), port=port)
    state = {"silent": True}

    def answer(name, kind, q):
        if state["silent"]:
            return reply(q, rcode=2)
        if kind == "MX" and name == "d.test":
            return reply(q, [record(name, "MX", (1, "mx.d.test"))])
        if kind == "A":
            return reply(q, [record(name, "A", address(t, 1))])
        return reply(q)
    dns = DnsStub(t, answer)
    relay = relay_by_mx(t, dns, port, settings='timeout = "2s"')
    qid = relay.submit(to=("a@d.test",))
    await_true("why names the route",
               lambda: "mail exchangers of d.test" in str(relay.why(qid)))
    state["silent"] = False
    relay.await_empty()
    assert good.stats()["msgs"] == 1


def reload_without_dns(t, stale):
    """Mail to a domain that is known, after a reload and with a resolver that
    has no answer any more."""
    port = t.port()
    good = t.sink(ip=address(t, 1), port=port)
    state = {"up": True}

    def answer(name, kind, q):
        if not state["up"]:
            return reply(q, rcode=2)
        return reply(q, [record(name, "A", address(t, 1))]
                     if kind == "A" else ())
    dns = DnsStub(t, answer)
    relay = relay_by_mx(t, dns, port,
                        settings=f'timeout = "2s"  stale = "{stale}"')
    relay.submit(to=("a@d.test",))
    relay.await_empty()
    state["up"] = False
    relay.command("reload")
    relay.submit(to=("b@d.test",))
    return good, relay


def test_what_was_known_serves_when_no_resolver_answers(t):
    good, relay = reload_without_dns(t, "1h")
    relay.await_empty()
    assert good.stats()["msgs"] == 2, good.stats()
    assert "event=route_stale domain=d.test age_ms=0 " in relay.log_text()


def test_an_answer_whose_time_is_not_over_serves_though_none_may_be_stale(t):
    good, relay = reload_without_dns(t, "0s")
    relay.await_empty()
    assert good.stats()["msgs"] == 2, good.stats()


def test_a_reload_while_a_lookup_hangs_asks_the_new_resolver(t):
    port = t.port()
    good = t.sink(ip=address(t, 1), port=port)
    silent = DnsStub(t, lambda *_: None)
    dns = Dnsmasq(t, f"--host-record=d.test,{address(t, 1)}")
    # Within the test the look-up has no end of its own.
    relay = relay_by_mx(t, silent, port, settings='timeout = "5m"')
    qid = relay.submit(to=("a@d.test",))
    await_true("the look-up is out", lambda: silent.asked)
    assert relay.why(qid)["limit"]["name"] == "route", relay.why(qid)
    with open(relay.conf) as f:
        text = f.read()
    relay.write_conf(text.replace(silent.address, dns.address))
    relay.command("reload")
    relay.await_empty()
    assert good.stats()["msgs"] == 1, good.stats()
    assert all(p["restarts"] == 0 for p in relay.status()["processes"])


def test_a_contradictory_answer_ends(t):
    """Aliases in a ring, and addresses of other names."""
    def answer(name, kind, q):
        if name == "d.test" and kind == "MX":
            return reply(q, [record("d.test", "CNAME", "e.test"),
                             record("e.test", "CNAME", "d.test"),
                             record("f.test", "MX", (1, "mx.f.test"))])
        return reply(q, [record("x.test", "A", "127.0.0.1")])
    dns = DnsStub(t, answer)
    relay = relay_by_mx(t, dns, t.port(), settings='timeout = "2s"')
    relay.submit(sender="", to=("a@d.test",))
    relay.await_empty()
    assert "none of its mail exchangers has an address" in relay.log_text()


def test_without_dnssec_at_the_resolver_mail_goes_with_one_warning(t):
    port = t.port()
    good = t.sink(ip=address(t, 1), port=port)
    dns = Dnsmasq(t, f"--host-record=d.test,{address(t, 1)}")
    relay = t.relay(conf=f'''
route "*.test" {{ port = {port} }}
dns {{ server = {{ "{dns.address}" }} }}''').start()
    relay.submit(to=("a@d.test",))
    relay.await_empty()
    assert good.stats()["msgs"] == 1
    assert relay.log_text().count("event=resolver_unsigned") == 1


def test_with_dnssec_required_unsigned_answers_wait(t):
    dns = Dnsmasq(t, f"--host-record=d.test,{address(t, 1)}")
    relay = t.relay(conf=f'''
route "*.test" {{ port = {t.port()} }}
dns {{ server = {{ "{dns.address}" }}  dnssec = "require"
	timeout = "2s" }}''').start()
    qid = relay.submit(to=("a@d.test",))
    await_true("why names the route",
               lambda: "mail exchangers of d.test" in str(relay.why(qid)))


def test_many_domains_are_looked_up_at_once(t):
    """None is answered before all are asked for."""
    port = t.port()
    good = t.sink(ip=address(t, 1), port=port)
    wanted = {f"d{i}.test" for i in range(30)}

    def answer(name, kind, q):
        if {n for n, k in dns.asked if k == "MX"} < wanted:
            return None
        return reply(q, [record(name, "A", address(t, 1))]
                     if kind == "A" else ())
    dns = DnsStub(t, answer)
    relay = relay_by_mx(t, dns, port)
    for domain in sorted(wanted):
        relay.submit(to=(f"a@{domain}",))
    relay.await_empty()
    assert good.stats()["msgs"] == 30, good.stats()


def test_grants_go_on_while_a_lookup_hangs(t):
    sink = t.sink()
    dns = DnsStub(t, lambda *_: None)
    relay = t.relay(relay_to=sink.address, conf=f'''
route "*.test" {{ }}
dns {{ server = {{ "{dns.address}" }}  dnssec = "off" }}''').start()
    for i in range(50):
        relay.submit(to=(f"a@d{i}.test",))
    for i in range(5):
        relay.submit(to=(f"a@e{i}.example",))
    await_true("the others are delivered",
               lambda: sink.stats()["msgs"] == 5)
    assert relay.status()["accounts"]["ready"] == 50


def test_discarded_and_lmtp_sites_are_named(t):
    relay = t.relay(conf=f'''
route "gone.test" {{ transport = "discard" }}
route "lmtp.test" {{ transport = "lmtp"  relay = {{ "{t.ip}:9" }} }}''').start()
    relay.submit(to=("a@lmtp.test",))
    row = await_true("the queue has its site", lambda: [
        r for r in relay.queue() if r["site"]])[0]
    assert row["site"] == f"default->lmtp:{t.ip}:9", row
