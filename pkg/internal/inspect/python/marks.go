package python

import (
	"slices"
	"strings"
)

// The kinds of marks.
const (
	Network = "network"
	Process = "process"
	File    = "file"
	Native  = "native"  // machine code, or the way to it
	Dynamic = "dynamic" // code and names that are made at run time
	Objects = "objects" // pickles and other formats that run code
)

// marked lists names by what they reach. A name stands for itself and all
// below it; "?." means a method of what is not known.
var marked = map[string][]string{
	Network: {
		"socket", "socketserver", "ssl", "http", "urllib.request", "urllib.urlopen", "urllib2", "urllib3", "requests", "httpx", "aiohttp",
		"ftplib", "smtplib", "smtpd", "telnetlib", "poplib", "imaplib", "nntplib", "xmlrpc", "websocket", "websockets", "paramiko", "asyncssh",
		"boto3", "botocore", "google.cloud", "azure", "grpc", "pycurl", "wget", "gdown", "zmq", "pika", "redis", "pymongo", "dns",
		"asyncio.open_connection", "asyncio.start_server", "asyncio.open_unix_connection", "webbrowser", "logging.handlers", "logging.config.listen",
		"huggingface_hub", "torch.hub", "torch.distributed.rpc", "torch.utils.model_zoo", "transformers.utils.cached_file", "transformers.utils.hub",
		"datasets.load_dataset", "wandb", "sentry_sdk", "posthog", "?.urlopen", "?.urlretrieve", "?.create_connection", "?.from_pretrained",
	},
	Process: {
		"subprocess", "os.system", "os.popen", "os.popen2", "os.popen3", "os.popen4", "os.execl", "os.execle", "os.execlp", "os.execlpe", "os.execv",
		"os.execve", "os.execvp", "os.execvpe", "os.spawnl", "os.spawnle", "os.spawnlp", "os.spawnlpe", "os.spawnv", "os.spawnve", "os.spawnvp",
		"os.spawnvpe", "os.posix_spawn", "os.posix_spawnp", "os.fork", "os.forkpty", "os.kill", "os.killpg", "os.startfile", "posix", "nt", "pty",
		"_posixsubprocess", "multiprocessing", "concurrent.futures.ProcessPoolExecutor", "torch.multiprocessing", "commands", "sh", "pexpect", "fabric", "psutil",
		"asyncio.create_subprocess_exec", "asyncio.create_subprocess_shell", "platform.popen", "signal", "atexit", "pdb", "timeit", "cProfile", "profile", "trace", "pip",
		"?.system", "?.popen", "?.Popen", "?.check_output", "?.check_call", "?.getoutput", "?.getstatusoutput", "?.execv", "?.execve", "?.spawnv", "?.posix_spawn", "?.call_subprocess",
	},
	File: {
		"open", "io.open", "io.FileIO", "io.open_code", "codecs.open", "os.open", "os.remove", "os.unlink", "os.rename", "os.replace", "os.renames", "os.link", "os.symlink",
		"os.mkdir", "os.makedirs", "os.rmdir", "os.removedirs", "os.chmod", "os.chown", "os.listdir", "os.scandir", "os.walk", "os.environ", "os.getenv", "os.putenv",
		"os.truncate", "os.mkfifo", "pathlib", "shutil", "tempfile", "glob", "fileinput", "linecache", "zipfile", "tarfile", "sqlite3", "dbm", "configparser.ConfigParser",
		"numpy.fromfile", "numpy.memmap", "numpy.save", "numpy.savez", "numpy.loadtxt", "numpy.genfromtxt", "torch.save", "torch.from_file", "safetensors.torch.save_file",
		"?.read_text", "?.read_bytes", "?.write_text", "?.write_bytes", "?.unlink", "?.rmtree", "?.tofile",
	},
	Native: {
		"ctypes", "_ctypes", "cffi", "mmap", "torch.utils.cpp_extension", "torch.ops.load_library", "torch.classes.load_library", "torch.cuda._compile_kernel",
		"importlib.machinery.ExtensionFileLoader", "numpy.ctypeslib", "numba", "cython", "Cython", "pyximport", "cupy", "pycuda", "tvm", "kernels", "triton", "llvmlite", "jnius",
		"?.load_library", "?.LoadLibrary", "?.dlopen", "?.CDLL",
	},
	Dynamic: {
		"eval", "exec", "compile", "__import__", "importlib", "runpy", "code", "codeop", "builtins", "__builtin__", "__builtins__", "globals", "vars", "types.FunctionType",
		"types.CodeType", "types.LambdaType", "sys.modules", "sys.path", "sys.meta_path", "sys.path_hooks", "sys.setprofile", "sys.settrace", "sys._getframe", "inspect.currentframe",
		"inspect.stack", "marshal", "pkgutil", "zipimport", "site", "imp", "gc.get_objects", "gc.get_referrers", "__loader__", "__spec__", "threading", "_thread", "ast.literal_eval",
		"operator.attrgetter", "operator.methodcaller", "torch.compile", "torch.jit.CompilationUnit", "base64", "zlib", "codecs.decode", "codecs.getdecoder",
		"transformers.dynamic_module_utils", "?.__globals__", "?.__subclasses__", "?.__builtins__", "?.__import__", "?.__code__", "?.__reduce__", "?.__getattribute__", "?.__loader__",
		"?.import_module", "?.exec_module", "?.load_module", "?.eval", "?.exec", "?.b64decode", "?.fromhex",
	},
	Objects: {
		"pickle", "_pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "jsonpickle", "torch.load", "torch.jit.load", "torch.serialization", "numpy.load", "pandas.read_pickle",
		"yaml.load", "yaml.unsafe_load", "yaml.full_load", "yaml.Loader", "yaml.UnsafeLoader", "copyreg", "keras.models.load_model", "tensorflow.keras.models.load_model", "hydra.utils", "?.read_pickle",
	},
}

// kindByName turns marked over. A name stands in one list only.
var kindByName = func() map[string]string {
	out := map[string]string{}
	for kind, names := range marked {
		for _, name := range names {
			out[name] = kind
		}
	}
	return out
}()

// KindOf returns the kind of a dotted name or of the nearest one above it, ""
// for a name that is not marked.
func KindOf(name string) string {
	name = name[:min(len(name), maxNameLen)] // longer than any that is marked
	for {
		if kind := kindByName[name]; kind != "" {
			return kind
		}
		i := strings.LastIndexByte(name, '.')
		if i <= 0 || name[:i] == "?" {
			return ""
		}
		name = name[:i]
	}
}

// modules is what modelling code needs and what is inert by itself. What is
// not here is no accusation: it is shown.
var modules = []string{
	"__future__", "abc", "argparse", "bisect", "collections", "contextlib", "copy", "dataclasses", "datetime", "decimal", "enum", "fractions", "functools", "heapq", "inspect",
	"itertools", "json", "logging", "math", "numbers", "operator", "random", "re", "statistics", "string", "struct", "textwrap", "time", "traceback", "types", "typing",
	"typing_extensions", "unicodedata", "uuid", "warnings", "weakref",
	"PIL", "accelerate", "einops", "flash_attn", "flax", "jax", "librosa", "numpy", "packaging", "pandas", "peft", "regex", "safetensors", "scipy", "sentencepiece", "sklearn",
	"soundfile", "tiktoken", "timm", "tokenizers", "torch", "torchaudio", "torchvision", "tqdm", "transformers", "xformers", "mlx", "sentence_transformers", "diffusers",
}

// Listed says whether a module, or the one that a name stands in, is among them.
func Listed(module string) bool {
	root, _, _ := strings.Cut(module, ".")
	return slices.Contains(modules, root)
}
