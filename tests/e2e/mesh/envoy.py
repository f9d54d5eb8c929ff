"""Envoy's configuration in the shape of Istio's inbound listener: one address for all ports, the port that the client
dialled found again by SO_ORIGINAL_DST, and mutual TLS that a client needs (STRICT) or may use (PERMISSIVE).
"""

ADMIN, INBOUND, READINESS = 15000, 15006, 15021

# What a sidecar offers when it speaks to another one: by this PERMISSIVE knows a mesh's TLS from an application's.
MESH_PROTOCOLS = ["istio-peer-exchange", "istio", "istio-http/1.0", "istio-http/1.1", "istio-h2"]


def typed(name, kind, **config) -> dict:
    return {"name": name, "typed_config": {"@type": f"type.googleapis.com/envoy.{kind}", **config}}


def configuration(policy, folder) -> dict:
    chains = [
        # Whoever dials the listener's own port: nowhere. The cluster would lead back here.
        chain({"destination_port": INBOUND}, tcp("blackhole", "nowhere")),
        *chains_for(8080, http("http", "inbound"), policy, folder),
        *chains_for(9090, http("grpc", "inbound-h2"), policy, folder),
        *chains_for(None, tcp("passthrough", "inbound"), policy, folder),
    ]
    listener = {
        "name": "inbound",
        "address": address("0.0.0.0", INBOUND),
        "listener_filters": [
            typed("original_dst", "extensions.filters.listener.original_dst.v3.OriginalDst"),
            typed("tls_inspector", "extensions.filters.listener.tls_inspector.v3.TlsInspector"),
        ],
        "listener_filters_timeout": "2s",
        "continue_on_listener_filters_timeout": True,
        "filter_chains": chains,
    }
    http2 = typed(
        "", "extensions.upstreams.http.v3.HttpProtocolOptions", explicit_http_config={"http2_protocol_options": {}}
    )
    options = {"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": http2["typed_config"]}
    clusters = [
        {"name": "nowhere", "type": "STATIC"},
        admin(),
        original_destination("inbound"),
        original_destination("inbound-h2", typed_extension_protocol_options=options),
    ]
    return {
        "admin": {"address": address("127.0.0.1", ADMIN)},
        "static_resources": {"listeners": [listener, readiness()], "clusters": clusters},
    }


def readiness() -> dict:
    """Istio's listener for readiness. There the agent is behind it, which asks Envoy; here Envoy is asked at once."""
    route = {"match": {"path": "/healthz/ready"}, "route": {"cluster": "admin", "prefix_rewrite": "/ready"}}
    filters = http("readiness", "admin", [route])
    return {"name": "readiness", "address": address("0.0.0.0", READINESS), "filter_chains": [{"filters": [filters]}]}


def admin() -> dict:
    endpoint = {"endpoint": {"address": address("127.0.0.1", ADMIN)}}
    assignment = {"cluster_name": "admin", "endpoints": [{"lb_endpoints": [endpoint]}]}
    return {"name": "admin", "type": "STATIC", "connect_timeout": "1s", "load_assignment": assignment}


def chains_for(port, filters, policy, folder) -> list[dict]:
    """What happens to one port, or to all that have no chain of their own."""
    here = {"destination_port": port} if port else {}
    mesh = {"transport_protocol": "tls"}
    if policy == "PERMISSIVE":
        mesh["application_protocols"] = MESH_PROTOCOLS
    chains = [chain(here | mesh, filters, mutual_tls(folder))]
    if policy == "PERMISSIVE":
        chains.append(chain(here | {"transport_protocol": "raw_buffer"}, filters))
        if not port:
            # TLS of the application's own, which is passed on as it is.
            chains.append(chain({"transport_protocol": "tls"}, filters))
    return chains


def chain(match, filters, transport=None) -> dict:
    made = {"name": f"{match}", "filter_chain_match": match, "filters": [filters]}
    return made | ({"transport_socket": transport} if transport else {})


def mutual_tls(folder) -> dict:
    ours = {"certificate_chain": {"filename": f"{folder}/app.pem"}, "private_key": {"filename": f"{folder}/app.key"}}
    names = {"san_type": "URI", "matcher": {"prefix": "spiffe://cluster.local/"}}
    common = {
        "alpn_protocols": ["h2", "http/1.1"],
        "tls_certificates": [ours],
        "validation_context": {
            "trusted_ca": {"filename": f"{folder}/mesh.pem"},
            "match_typed_subject_alt_names": [names],
        },
    }
    kind = "extensions.transport_sockets.tls.v3.DownstreamTlsContext"
    return typed("tls", kind, require_client_certificate=True, common_tls_context=common)


def http(name, cluster, routes=None) -> dict:
    routes = routes or [{"match": {"prefix": "/"}, "route": {"cluster": cluster}}]
    return typed(
        "http",
        "extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        stat_prefix=name,
        forward_client_cert_details="SANITIZE_SET",
        set_current_client_cert_details={"uri": True},
        http_filters=[typed("router", "extensions.filters.http.router.v3.Router")],
        route_config={"virtual_hosts": [{"name": name, "domains": ["*"], "routes": routes}]},
    )


def tcp(name, cluster) -> dict:
    return typed("tcp", "extensions.filters.network.tcp_proxy.v3.TcpProxy", stat_prefix=name, cluster=cluster)


def original_destination(name, **more) -> dict:
    """To where the client dialled, from the address that the rules let pass."""
    source = address("127.0.0.6", 0)["socket_address"]
    return {
        "name": name,
        "type": "ORIGINAL_DST",
        "lb_policy": "CLUSTER_PROVIDED",
        "connect_timeout": "1s",
        "upstream_bind_config": {"source_address": source},
        **more,
    }


def address(host, port) -> dict:
    return {"socket_address": {"address": host, "port_value": port}}
