from django.core.cache import cache


def test_the_cache_keeps_its_client():
    client = cache._cache.get_client("a")
    assert cache._cache.get_client("b", write=True) is client
    cache.set("kept", {"n": 1}, timeout=5)
    assert cache.get("kept") == {"n": 1}
