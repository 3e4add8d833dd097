"""Well-known packages by the name of their import. Only these are offered for installation.

Any other import may be one of the file's own helpers (`utils`, `config`, `prompts`), and anybody could have registered
that name on PyPI. It is never offered; a person has to name the package.
"""

from __future__ import annotations

DIFFERENT = {
    "attr": "attrs",
    "azure.ai.inference": "azure-ai-inference",
    "azure.ai.projects": "azure-ai-projects",
    "azure.identity": "azure-identity",
    "azure.search.documents": "azure-search-documents",
    "azure.storage.blob": "azure-storage-blob",
    "bs4": "beautifulsoup4",
    "Crypto": "pycryptodome",
    "cv2": "opencv-python-headless",
    "dateutil": "python-dateutil",
    "discord": "discord.py",
    "docx": "python-docx",
    "dotenv": "python-dotenv",
    "faiss": "faiss-cpu",
    "firecrawl": "firecrawl-py",
    "fitz": "PyMuPDF",
    "git": "GitPython",
    "github": "PyGithub",
    "google.adk": "google-adk",
    "google.auth": "google-auth",
    "google.cloud.bigquery": "google-cloud-bigquery",
    "google.cloud.firestore": "google-cloud-firestore",
    "google.cloud.storage": "google-cloud-storage",
    "google.genai": "google-genai",
    "google.generativeai": "google-generativeai",
    "google.oauth2": "google-auth",
    "google_auth_oauthlib": "google-auth-oauthlib",
    "googleapiclient": "google-api-python-client",
    "graphql": "graphql-core",
    "guardrails": "openai-guardrails",
    "jose": "python-jose",
    "jwt": "PyJWT",
    "llama_cpp": "llama-cpp-python",
    "magic": "python-magic",
    "markdown_it": "markdown-it-py",
    "mysql.connector": "mysql-connector-python",
    "opentelemetry": "opentelemetry-api",
    "OpenSSL": "pyOpenSSL",
    "PIL": "pillow",
    "pptx": "python-pptx",
    "psycopg2": "psycopg2-binary",
    "ruamel.yaml": "ruamel.yaml",
    "serial": "pyserial",
    "serpapi": "google-search-results",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "tavily": "tavily-python",
    "telegram": "python-telegram-bot",
    "usb": "pyusb",
    "weaviate": "weaviate-client",
    "websocket": "websocket-client",
    "whois": "python-whois",
    "win32com": "pywin32",
    "yaml": "PyYAML",
    "zmq": "pyzmq",
}
"""Import -> package, if the names differ. Agent Builder's exports import `guardrails`."""

_NAMES = """
aiofiles aiohttp aiosqlite alembic altair anthropic anyio apscheduler arrow asyncpg babel bcrypt bokeh boto3 botocore
cachetools celery chromadb click cohere colorama cryptography dash dask databases deepl diskcache django docker duckdb
elasticsearch email_validator exa_py fastapi fastmcp feedparser filelock flask folium fsspec geopandas geopy gradio
groq gspread h5py html2text httpx huggingface_hub humanize hypothesis icalendar imageio instructor jinja2 joblib
jsonschema keras kubernetes langchain langchain_community langchain_core langchain_openai langgraph litellm
llama_index logfire loguru lxml markdown markdownify marshmallow matplotlib mcp mistralai mlflow mongoengine motor
moviepy mutagen networkx nltk notion_client numba numpy ollama openpyxl orjson pandas paramiko passlib pdfplumber
peewee pendulum phonenumbers pika pinecone playwright plotly polars praw prometheus_client psutil psycopg pyarrow
pydantic_ai pydantic_settings pydub pymongo pymysql pyodbc pypdf pytesseract pytest pytz qdrant_client qrcode
rapidfuzz rdflib redis regex replicate reportlab requests requests_oauthlib rich s3fs scipy seaborn selenium
sentence_transformers sentry_sdk shapely simple_salesforce slack_sdk spacy sqlalchemy sqlmodel starlette statsmodels
streamlit stripe structlog supabase sympy tabulate tenacity tensorflow textblob tiktoken tokenizers toml tomli_w torch
torchvision tornado tqdm trafilatura transformers twilio typer tzlocal ujson unidecode uvicorn validators weasyprint
websockets wikipedia wordcloud xarray xlrd xlsxwriter xmltodict yfinance youtube_transcript_api zeep
"""
SAME = frozenset(_NAMES.split())
"""Packages imported under their own name (with `-` for `_`)."""


def package_of(module: str) -> str | None:
    """The package an import (`yaml`, `google.cloud.storage`) means; None if unknown."""
    parts = module.split(".")
    for length in range(len(parts), 0, -1):
        name = ".".join(parts[:length])
        if name in DIFFERENT:
            return DIFFERENT[name]
    return parts[0].replace("_", "-") if parts[0] in SAME else None
