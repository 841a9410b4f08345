"""Sections made of one record for each call: anomalies the monitor noticed, and buffers before they were encrypted."""

from typing import Any

from lib.cuckoo.behavior.scene import Plan, Scene, Texts

_ENCRYPTING = ("SslEncryptPacket", "CryptEncrypt", "CryptEncryptMessage")
_ANOMALY = (("category", "Subcategory"), ("funcname", "FunctionName"), ("message", "Message"))
_BUFFER = (("buffer", "Buffer"), ("buffer_size", "BufferSize"), ("crypt_key", "CryptKey"))


def add_records(plan: Plan) -> None:
    """Let a plan collect anomalies and encrypted buffers."""
    if plan.kind.category == "anomaly":
        _add_anomalies(plan)
    elif plan.kind.api in _ENCRYPTING:
        _add_buffers(plan)


def _add_anomalies(plan: Plan) -> None:
    sources = [(key, plan.text(name)) for key, name in _ANOMALY]

    def step(scene: Scene, texts: Texts, _ok: bool) -> None:
        findings = scene.findings
        findings.anomaly_count += 1
        if not findings.most_records or len(findings.anomalies) < findings.most_records:
            record: dict[str, Any] = {"name": scene.process_name, "pid": scene.process_id}
            findings.anomalies.append(record | {key: source(scene, texts) for key, source in sources})

    plan.tell(step)


def _add_buffers(plan: Plan) -> None:
    api = plan.kind.api
    sources = [(key, plan.text(name)) for key, name in _BUFFER if plan.has(name)]

    def step(scene: Scene, texts: Texts, _ok: bool) -> None:
        findings = scene.findings
        findings.buffer_count += 1
        if not findings.most_records or len(findings.buffers) < findings.most_records:
            record: dict[str, Any] = {
                "process_name": scene.process_name,
                "pid": scene.process_id,
                "api_call": api,
            }
            findings.buffers.append(record | {key: source(scene, texts) for key, source in sources})

    plan.tell(step)
