/**
 * Checks options as strictly as the published types of @openai/chatkit 1.9.0 (`types/index.d.ts`) describe them:
 * an unknown name, a null or a value of another type is refused. Runs in the frame, and by node in tests.
 */
globalThis.validateChatKitOptions = (() => {
  "use strict";

  class InvalidOptionsError extends Error {
    constructor(path, problem) {
      super(`${path || "options"}: ${problem}`);
      this.name = "InvalidOptionsError";
    }
  }

  // [facts] `api` is either hosted or custom; a mix throws InvalidFrameParamsError.
  class InvalidFrameParamsError extends Error {
    constructor(problem) {
      super(problem);
      this.name = "InvalidFrameParamsError";
    }
  }

  const fail = (path, problem) => {
    throw new InvalidOptionsError(path, problem);
  };
  const text = (value, path) => typeof value === "string" || fail(path, "must be a string");
  const bool = (value, path) => typeof value === "boolean" || fail(path, "must be a boolean");
  const number = (value, path) => (typeof value === "number" && Number.isFinite(value)) || fail(path, "must be a number");
  // In JSON a function is written {"$function": "name"}: what node is handed by the Python tests.
  const func = (value, path) =>
    typeof value === "function" || (value && typeof value.$function === "string") || fail(path, "must be a function");
  const oneOf = (...allowed) => (value, path) => allowed.includes(value) || fail(path, `must be one of ${allowed.join(", ")}`);
  const list = (item) => (value, path) => {
    if (!Array.isArray(value)) fail(path, "must be an array");
    value.forEach((entry, at) => item(entry, `${path}[${at}]`));
  };
  const record = (item) => (value, path) => {
    if (!value || typeof value !== "object" || Array.isArray(value)) fail(path, "must be an object");
    for (const [name, entry] of Object.entries(value)) item(entry, `${path}.${name}`);
  };
  const any = (...checks) => (value, path) => {
    let last;
    for (const check of checks) {
      try {
        return check(value, path);
      } catch (error) {
        last = error;
      }
    }
    throw last;
  };
  const shape = (fields, required = []) => (value, path) => {
    if (!value || typeof value !== "object" || Array.isArray(value)) fail(path, "must be an object");
    for (const [name, entry] of Object.entries(value)) {
      const check = fields[name];
      if (!check) fail(path ? `${path}.${name}` : name, "is not a known option");
      if (entry === undefined) continue;
      check(entry, path ? `${path}.${name}` : name);
    }
    for (const name of required) if (value[name] === undefined) fail(path ? `${path}.${name}` : name, "is required");
  };

  const words = (block) => block.trim().split(/\s+/);

  // ChatKitIcon
  const ICONS = new Set(
    words(`agent analytics atom batch bolt book-open book-closed book-clock bug calendar chart check check-circle
      check-circle-filled chevron-left chevron-right circle-question clock compass confetti cube desktop document
      dots-horizontal dots-vertical empty-circle external-link globe keys lab images info lifesaver lightbulb mail map-pin
      maps mobile name notebook notebook-pencil page-blank phone play plus profile profile-card reload star star-filled
      search sparkle sparkle-double square-code square-image square-text suitcase settings-slider user wreath write
      write-alt write-alt2`),
  );
  const icon = (value, path) =>
    (typeof value === "string" && (ICONS.has(value) || /^lucide:.+/.test(value))) || fail(path, "is not an icon");

  // HeaderIcon
  const headerIcon = oneOf(
    ...words(`sidebar-left sidebar-right sidebar-open-left sidebar-open-right sidebar-open-left-alt sidebar-open-right-alt
      sidebar-floating-left sidebar-floating-right sidebar-floating-open-left sidebar-floating-open-right
      sidebar-collapse-left sidebar-collapse-right collapse-left collapse-right open-left open-right double-chevron-left
      double-chevron-right home home-alt back-small back-large expand-large collapse-large expand-small collapse-small star
      star-filled bug chat-temporary settings-cog grid dots-horizontal dots-vertical dots-horizontal-circle
      dots-vertical-circle menu menu-inverted hamburger history book-open compose share light-mode dark-mode close`),
  );

  // SupportedLocale
  const locale = oneOf(
    ...words(`am ar bg-BG bn-BD bs-BA ca-ES cs-CZ da-DK de-DE el-GR es-419 es-ES et-EE fi-FI fr-CA fr-FR gu-IN hi-IN hr-HR
      hu-HU hy-AM id-ID is-IS it-IT ja-JP ka-GE kk kn-IN ko-KR lt lv-LV mk-MK ml mn mr-IN ms-MY my-MM nb-NO nl-NL pa pl-PL
      pt-BR pt-PT ro-RO ru-RU sk-SK sl-SI so-SO sq-AL sr-RS sv-SE sw-TZ ta-IN te-IN th-TH tl tr-TR uk-UA ur vi-VN zh-CN
      zh-HK zh-TW bg bn bs ca cs da de el es et fi fr gu hi hr hu hy id is it ja ka kn ko lv mk mr ms my nb nl pl pt ro ru sk
      sl so sq sr sv sw ta te th tr uk vi zh zh-Hant en`),
  );

  const messageContent = list(
    any(
      shape({ type: oneOf("input_text"), text }, ["type", "text"]),
      shape({ type: oneOf("input_tag"), text, id: text, group: text, data: record(() => true), interactive: bool }, ["type", "text", "id"]),
    ),
  );
  const integer = (low, high) => (value, path) =>
    (Number.isInteger(value) && value >= low && value <= high) || fail(path, `must be a whole number from ${low} to ${high}`);

  const themeOption = shape({
    colorScheme: oneOf("light", "dark"),
    typography: shape({
      baseSize: oneOf(14, 15, 16, 17, 18),
      fontSources: list(
        shape(
          {
            family: text,
            src: text,
            weight: any(text, number),
            style: oneOf("normal", "italic", "oblique"),
            display: oneOf("auto", "block", "swap", "fallback", "optional"),
            unicodeRange: text,
          },
          ["family", "src"],
        ),
      ),
      fontFamily: text,
      fontFamilyMono: text,
    }),
    radius: oneOf("pill", "round", "soft", "sharp"),
    density: oneOf("compact", "normal", "spacious"),
    color: shape({
      grayscale: shape({ hue: integer(0, 360), tint: integer(0, 9), shade: integer(-4, 4) }, ["hue", "tint"]),
      accent: shape({ primary: text, level: integer(0, 3) }, ["primary", "level"]),
      surface: shape({ background: text, foreground: text }, ["background", "foreground"]),
    }),
  });

  const headerAction = shape({ icon: headerIcon, onClick: func }, ["icon", "onClick"]);
  const hosted = shape({ getClientSecret: func }, ["getClientSecret"]);
  const custom = shape(
    {
      url: text,
      fetch: func,
      domainKey: text,
      uploadStrategy: any(
        shape({ type: oneOf("two_phase") }, ["type"]),
        shape({ type: oneOf("direct"), uploadUrl: text }, ["type", "uploadUrl"]),
      ),
    },
    ["url", "domainKey"],
  );

  const api = (value, path) => {
    if (!value || typeof value !== "object") fail(path, "must be an object");
    if ("getClientSecret" in value && ("url" in value || "fetch" in value || "domainKey" in value)) {
      throw new InvalidFrameParamsError("api is either {getClientSecret} or {url, domainKey}, not a mix");
    }
    ("getClientSecret" in value ? hosted : custom)(value, path);
  };

  const tool = shape(
    { id: text, label: text, icon, shortLabel: text, placeholderOverride: text, pinned: bool, persistent: bool },
    ["id", "label", "icon"],
  );
  const model = shape({ id: text, label: text, description: text, disabled: bool, default: bool }, ["id", "label"]);

  const options = shape(
    {
      api,
      locale,
      theme: any(oneOf("light", "dark"), themeOption),
      frameTitle: text,
      initialThread: (value, path) => value === null || text(value, path), // the one null the types allow
      onClientTool: func,
      header: shape({
        enabled: bool,
        title: shape({ enabled: bool, text }),
        leftAction: headerAction,
        rightAction: headerAction,
      }),
      history: shape({ enabled: bool, showDelete: bool, showRename: bool }),
      startScreen: shape({
        greeting: text,
        prompts: list(shape({ label: text, prompt: any(text, messageContent), icon }, ["label", "prompt"])),
      }),
      threadItemActions: shape({ feedback: bool, retry: bool }),
      composer: shape({
        placeholder: text,
        attachments: shape(
          { enabled: bool, maxSize: any(number, record(number)), maxCount: number, accept: record(list(text)) },
          ["enabled"],
        ),
        tools: list(tool),
        models: list(model),
        dictation: shape({ enabled: bool }, ["enabled"]),
      }),
      disclaimer: shape({ text, highContrast: bool }, ["text"]),
      entities: shape({ onTagSearch: func, showComposerMenu: bool, onClick: func, onRequestPreview: func }),
      commands: shape({ enabled: bool, onSearch: func, onSelect: func }, ["enabled"]),
      widgets: shape({ onAction: func }),
      thread: shape({ autoScroll: bool }),
      disableTelemetry: bool, // [obs] in no published types, known in June 2026
    },
    ["api"],
  );

  /** `unknown`: names of the first level that this version does not know. */
  return (value, unknown = []) => {
    for (const name of unknown) if (name in value) fail(name, `Unrecognized key(s) in object: '${name}'`);
    if (value?.composer?.attachments?.enabled && value.api?.url && !value.api.uploadStrategy) {
      fail("api.uploadStrategy", "is required where attachments are enabled"); // [obs]
    }
    return options(value, "");
  };
})();
